/**
 * An upstream with objects of all sizes and statuses, whose bytes follow from their numbers, so that whoever gets
 * them can tell whether they are right.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const KB = 1024;
const MB = 1024 * KB;
const SIZES = [0, 1, 1023, 4 * KB, 64 * KB, 64 * KB + 1, 256 * KB, 300_000, MB, 5 * MB + 7];
const STATUSES = [200, 200, 200, 200, 404, 200, 500, 200];

/** Of an object that is asked for by its number. */
export interface ObjectFacts {
  readonly status: number;
  readonly sizeBytes: number;
  /** sha256, in hexadecimal. */
  readonly digest: string;
}

const PIECE = Buffer.from(Array.from({ length: 64 * KB }, (_, i) => (i * 131 + (i >> 7)) & 0xff));

/** The bytes of an object, piece by piece. */
function* piecesOf(number: number, sizeBytes: number): Generator<Buffer> {
  for (let at = 0; at < sizeBytes; at += PIECE.length) {
    const piece = Buffer.from(PIECE.subarray(0, Math.min(PIECE.length, sizeBytes - at)));
    piece.writeUInt8((number * 7 + at / PIECE.length) & 0xff, 0);
    yield piece;
  }
}

const known = new Map<number, ObjectFacts>();

/** What an object is: number 0 is the largest, of 64 MB. */
export function factsOf(number: number): ObjectFacts {
  const before = known.get(number);
  if (before !== undefined) return before;
  const sizeBytes = number === 0 ? 64 * MB : SIZES[number % SIZES.length]!;
  const hash = createHash('sha256');
  for (const piece of piecesOf(number, sizeBytes)) hash.update(piece);
  const facts = { status: STATUSES[number % STATUSES.length]!, sizeBytes, digest: hash.digest('hex') };
  known.set(number, facts);
  return facts;
}

export class ObjectsOrigin {
  /** Requests by number. */
  readonly asked = new Map<number, number>();
  readonly #server = http.createServer((request, response) => this.#answer(request, response));

  /** Objects whose number is odd may be kept, the others not. */
  static async start(): Promise<ObjectsOrigin> {
    const origin = new ObjectsOrigin();
    origin.#server.listen(0, '127.0.0.1');
    await once(origin.#server, 'listening');
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const number = Number(/(\d+)$/.exec(request.url ?? '')?.[1] ?? Number.NaN);
    this.asked.set(number, (this.asked.get(number) ?? 0) + 1);
    const { status, sizeBytes } = factsOf(number);
    // Some say how long they are, some do not.
    const length = number % 3 === 0 ? {} : { 'Content-Length': sizeBytes };
    response.writeHead(status, {
      'Cache-Control': number % 2 === 1 ? 'max-age=60' : 'no-store',
      ...length,
    });
    const pieces = piecesOf(number, sizeBytes);
    const write = (): void => {
      for (;;) {
        const { value, done } = pieces.next();
        if (done === true) {
          response.end();
          return;
        }
        if (response.write(value)) continue;
        response.once('drain', write);
        return;
      }
    };
    write();
  }
}
