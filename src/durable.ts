/** What makes files durable, and their names. */
import { type FileHandle, open } from 'node:fs/promises';

/** Writes all of it at a place in a file: one write(2) may take less. Rejects with the system's error. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** Makes the names in a directory durable (fsync(2)). Rejects with the system's error. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
