/** Copies of files, durable when they are made. */
import { constants } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { writeFully } from '../../durable.js';

const PIECE_BYTES = 256 * 1024;

/** Copies a file; shares its blocks where the file system can. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Writes one file into another, from `offset` on. */
export async function copyInto(from: string, to: string, offset: number): Promise<void> {
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'r+');
    try {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      for (let at = 0; ; ) {
        const { bytesRead } = await source.read(piece, 0, piece.length, at);
        if (bytesRead === 0) break;
        await writeFully(target, piece.subarray(0, bytesRead), offset + at);
        at += bytesRead;
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
