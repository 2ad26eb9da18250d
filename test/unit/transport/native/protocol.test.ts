import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_DESCRIPTORS } from '../../../../src/posix/fd-passing.js';
import { PROTOCOLS } from '../../../../src/transport/connection.js';
import {
  type ConnectionRecord,
  KIND,
  MAX_UNUSED_BYTES,
  MESSAGE_BYTES,
  MessageWriter,
  readHeader,
  readRecords,
  writeHeader,
} from '../../../../src/transport/native/protocol.js';
import { pattern } from '../../../helpers/transport-protocol.js';

function record(
  unused: Uint8Array = Buffer.alloc(0),
  changes: Partial<ConnectionRecord> = {},
): ConnectionRecord {
  return { listener: 0, returned: false, protocol: 'http', place: undefined, unused, ...changes };
}

describe('transport/native/protocol', () => {
  let bytes: Buffer;
  let writer: MessageWriter;

  beforeEach(() => {
    bytes = Buffer.alloc(MESSAGE_BYTES, 0xee);
    writer = new MessageWriter(bytes, MESSAGE_BYTES);
  });

  it('is what its drawing says', () => {
    writer.add(record(Buffer.from('ab'), { listener: 258, returned: true, protocol: 'getfile', place: 515 }));
    writer.add(record());
    const length = writer.finish(KIND.connections, 0x01020304);
    expect(bytes.toString('hex', 0, length)).to.equal(
      '0202020004030201' + '02010102020000000302' + '00000000000000000000' + '6162',
    );
  });

  it('comes back as it was', () => {
    const records = fc.array(
      fc.record({
        listener: fc.nat(65_535),
        returned: fc.boolean(),
        protocol: fc.constantFrom(...PROTOCOLS),
        place: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
        unused: fc.uint8Array({ maxLength: 300 }),
      }),
      { maxLength: MAX_DESCRIPTORS },
    );
    fc.assert(
      fc.property(records, fc.nat(2 ** 32 - 1), (all, firstId) => {
        for (const each of all) expect(writer.add(each)).to.equal(true);
        const length = writer.finish(KIND.return, firstId);
        const header = readHeader(bytes, length);
        expect(header).to.deep.equal({ kind: KIND.return, count: all.length, firstId });
        const came = readRecords(bytes, all.length);
        const plain = (record: ConnectionRecord): object => ({ ...record, unused: [...record.unused] });
        expect(came.map(plain)).to.deep.equal(all.map(plain));
      }),
    );
  });

  it('has first ids up to 2^32 - 1', () => {
    const length = writeHeader(bytes, KIND.connections, 1, 2 ** 32 - 1);
    expect(readHeader(bytes, length)).to.include({ firstId: 2 ** 32 - 1 });
  });

  it('gives unused bytes that stay when the buffer is used again', () => {
    writer.add(record(Buffer.from('abc')));
    writer.finish(KIND.connections, 0);
    const [{ unused } = record()] = readRecords(bytes, 1);
    bytes.fill(0);
    expect(Buffer.from(unused).toString()).to.equal('abc');
  });

  it('holds as many connections as descriptors, and no more', () => {
    for (let i = 0; i < MAX_DESCRIPTORS; i++) expect(writer.add(record())).to.equal(true);
    expect(writer.add(record())).to.equal(false);
    expect(readHeader(bytes, writer.finish(KIND.connections, 0))).to.include({ count: MAX_DESCRIPTORS });
    expect(writer.add(record()), 'the next message').to.equal(true);
  });

  it('holds as many unused bytes as one connection may have, beside others without', () => {
    const most = pattern(MAX_UNUSED_BYTES);
    expect(writer.fits(record(most))).to.equal(true);
    expect(writer.fits(record(pattern(MAX_UNUSED_BYTES + 1)))).to.equal(false);
    expect(writer.add(record(most))).to.equal(true);
    expect(writer.add(record(Buffer.from('x')))).to.equal(false);
    for (let i = 1; i < MAX_DESCRIPTORS; i++) expect(writer.add(record())).to.equal(true);
    expect(writer.finish(KIND.connections, 0)).to.equal(MESSAGE_BYTES);
    expect(most.equals(readRecords(bytes, MAX_DESCRIPTORS)[0]!.unused)).to.equal(true);
  });

  it('holds less where the channel takes less', () => {
    writer = new MessageWriter(bytes, 1648);
    expect([writer.fits(record(pattern(1000))), writer.fits(record(pattern(1001)))]).to.deep.equal([
      true,
      false,
    ]);
    for (let i = 0; i < 10; i++) expect(writer.add(record(pattern(100)))).to.equal(true);
    expect(writer.add(record(pattern(1)))).to.equal(false);
    while (writer.add(record()));
    expect(writer.finish(KIND.connections, 0)).to.equal(1648);
  });

  it('is not read when it is of another version, or too short', () => {
    const length = writeHeader(bytes, KIND.hello, 0);
    expect(readHeader(bytes, length)).to.not.equal(undefined);
    expect(readHeader(bytes, length - 1)).to.equal(undefined);
    expect(readHeader(bytes, -11)).to.equal(undefined);
    bytes[0] = 1;
    expect(readHeader(bytes, length)).to.equal(undefined);
  });
});
