/** From the body of a request to a part that is durable. */
import { BodyError, type BodySink, type BodySource } from '../http/body-source.js';
import { textOf } from '../http/whole-body.js';
import { JobError, type PartReceipt } from './api.js';
import type { Reception } from './reception.js';

/** Reads a body to its end into a part. Rejects with JobError; what is left of the body is thrown away then. */
export function receive(body: BodySource | undefined, reception: Reception): Promise<PartReceipt> {
  if (body === undefined) return reception.commit();
  return new Promise((resolve, reject) => {
    let isOver = false;
    const giveUp = (error: unknown): void => {
      if (isOver) return;
      isOver = true;
      // Whoever hears of it may come back at once, and is to find what is kept.
      reception.abandon().then(() => reject(error), reject);
    };
    const sink: BodySink = {
      data: (bytes) => {
        if (isOver) return;
        try {
          if (reception.write(bytes)) return;
        } catch (error) {
          giveUp(error);
          body.cancel();
          return;
        }
        body.pause();
        void reception.drained().then(() => body.resume());
      },
      end: () => {
        if (isOver) return;
        isOver = true;
        reception.commit().then(resolve, reject);
      },
      fail: (error) => giveUp(asJobError(error)),
    };
    body.start(sink);
  });
}

/** Reads a short body. Rejects with JobError; what is left of the body is thrown away then. */
export function readText(body: BodySource | undefined, maxBytes: number): Promise<string> {
  const tooLong = (): JobError => new JobError('bad-request', `the body has more than ${maxBytes} bytes`);
  return textOf(body, maxBytes, tooLong).catch((error: Error) => {
    throw error instanceof JobError ? error : asJobError(error);
  });
}

/** The client has gone, was too slow, or makes no sense. */
function asJobError(error: Error): JobError {
  const isLate = error instanceof BodyError && error.status === 408;
  return new JobError(isLate ? 'timeout' : 'bad-request', error.message);
}
