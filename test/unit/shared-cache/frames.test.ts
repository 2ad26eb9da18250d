import { expect } from 'chai';
import fc from 'fast-check';
import {
  encodeFrame,
  type Frame,
  FrameReader,
  MAX_PAYLOAD_BYTES,
  OP,
} from '../../../src/shared-cache/frames.js';

const FRAME = fc.record({
  op: fc.constantFrom(...Object.values(OP)),
  a: fc.integer({ min: 0, max: 0xffff_ffff }),
  b: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

describe('frames', () => {
  it('are read as they were written, however they are split', () => {
    fc.assert(
      fc.property(fc.array(FRAME, { maxLength: 8 }), fc.integer({ min: 1, max: 50 }), (frames, step) => {
        const bytes = Buffer.concat(frames.map(({ op, a, b, payload }) => encodeFrame(op, a, b, payload)));
        const reader = new FrameReader();
        const read: Frame[] = [];
        for (let at = 0; at < bytes.length; at += step)
          read.push(...reader.push(bytes.subarray(at, at + step)));
        expect(read).to.deep.equal(frames);
      }),
    );
  });

  it('take the longest payload, and none that is longer', () => {
    const payload = Buffer.alloc(MAX_PAYLOAD_BYTES, 7);
    expect(
      [...new FrameReader().push(encodeFrame(OP.get, 1, 2, payload))][0]?.payload.equals(payload),
    ).to.equal(true);
    expect(() => encodeFrame(OP.get, 1, 2, Buffer.alloc(MAX_PAYLOAD_BYTES + 1))).to.throw(RangeError);
  });

  it('are refused when no frame begins so', () => {
    expect(() => [...new FrameReader().push(Buffer.alloc(12))]).to.throw(
      RangeError,
      'no frame begins with 0',
    );
    const odd = encodeFrame(OP.ping);
    odd[1] = 1;
    expect(() => [...new FrameReader().push(odd)]).to.throw(RangeError);
  });
});
