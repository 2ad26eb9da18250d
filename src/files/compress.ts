/**
 * Compression of whole bodies, made once per file and kept in the cache. Which coding a client wants is
 * for http/negotiation.ts.
 *
 * Synchronous on purpose: this runs in a pool thread.
 */
import * as zlib from 'node:zlib';
import { HandoverError } from '../errors.js';
import type { Coding } from '../http/reply.js';

/** About as fast as gzip at its default level, and a good deal smaller. */
const BROTLI_QUALITY = 5;
const GZIP_LEVEL = 6;

type SyncCompressor = (bytes: Uint8Array) => Uint8Array;

/** Node has zstd from 22.15 and 23.8 on. */
const zstdCompressSync: unknown = Reflect.get(zlib, 'zstdCompressSync');

/** Codings that this Node can make, best first. */
export function codingsAvailable(): Coding[] {
  return typeof zstdCompressSync === 'function' ? ['br', 'zstd', 'gzip'] : ['br', 'gzip'];
}

/** Compresses into memory of its own, which can be transferred. Deterministic for one version of Node. */
export function compress(bytes: Uint8Array, coding: Coding): Uint8Array {
  const compressed = compressor(coding)(bytes);
  // zlib's result may be a part of a larger or shared piece of memory.
  const own = Buffer.allocUnsafeSlow(compressed.byteLength);
  own.set(compressed);
  return own;
}

function compressor(coding: Coding): SyncCompressor {
  switch (coding) {
    case 'identity':
      return (bytes) => bytes;
    case 'br':
      return (bytes) =>
        zlib.brotliCompressSync(bytes, {
          params: {
            [zlib.constants.BROTLI_PARAM_MODE]: zlib.constants.BROTLI_MODE_TEXT,
            [zlib.constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
            [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
          },
        });
    case 'gzip':
      return (bytes) => zlib.gzipSync(bytes, { level: GZIP_LEVEL });
    case 'zstd':
      if (typeof zstdCompressSync !== 'function') {
        throw new HandoverError('CODING_UNAVAILABLE', 'this version of Node cannot compress with zstd');
      }
      return zstdCompressSync as SyncCompressor;
  }
}
