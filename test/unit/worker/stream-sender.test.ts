import { expect } from 'chai';
import fc from 'fast-check';
import { StreamSender } from '../../../src/worker/stream-sender.js';
import { FakeSource } from '../../helpers/fake-body.js';
import { FakeConnection } from '../../helpers/fake-connection.js';

class Bench {
  readonly connection = new FakeConnection();
  readonly source = new FakeSource();
  readonly outcomes: (Error | undefined)[] = [];
  readonly sender: StreamSender;

  constructor(length: number | undefined, isChunked: boolean) {
    this.sender = new StreamSender(this.connection, { source: this.source, length }, isChunked, {
      wrote: () => undefined,
      done: (error) => this.outcomes.push(error),
    });
    this.sender.start();
  }

  get written(): string {
    return this.connection.written.toString('latin1');
  }
}

describe('worker/stream-sender', () => {
  it('sends chunks where the length is not known', () => {
    const bench = new Bench(undefined, true);
    bench.source.data('hello').data('').data('x'.repeat(26));
    bench.source.sink!.end();
    expect(bench.written).to.equal(`5\r\nhello\r\n1a\r\n${'x'.repeat(26)}\r\n0\r\n\r\n`);
    expect(bench.outcomes).to.deep.equal([undefined]);
  });

  it('sends the bytes alone where the length, or the end of the connection, tells the end', () => {
    for (const length of [4, undefined]) {
      const bench = new Bench(length, false);
      bench.source.data('ab').data('cd');
      bench.source.sink!.end();
      expect([bench.written, bench.outcomes]).to.deep.equal(['abcd', [undefined]]);
    }
  });

  it('is over with the last byte that was announced, whatever the source says then', () => {
    const bench = new Bench(2, false);
    bench.source.data('ab');
    expect(bench.outcomes).to.deep.equal([undefined]);
    bench.source.sink!.fail(new Error('late'));
    bench.source.sink!.end();
    expect(bench.outcomes).to.have.lengthOf(1);
  });

  it('fails when the body is shorter or longer than was announced, and writes no byte too many', () => {
    const short = new Bench(3, false);
    short.source.data('ab').sink!.end();
    expect(short.outcomes[0]).to.be.an.instanceOf(Error);
    const long = new Bench(3, false);
    long.source.data('ab').data('cd');
    expect(long.outcomes[0]).to.be.an.instanceOf(Error);
    expect([long.written, long.source.cancelled]).to.deep.equal(['ab', true]);
  });

  it('fails with its source, and never ends what it could not send', () => {
    const bench = new Bench(undefined, true);
    bench.source.data('half').sink!.fail(new Error('broken'));
    expect(bench.outcomes.map((error) => error?.message)).to.deep.equal(['broken']);
    bench.source.sink!.end();
    bench.source.data('more');
    expect(bench.written).to.equal('4\r\nhalf\r\n');
  });

  it('holds the source back while the client takes nothing', () => {
    const bench = new Bench(undefined, false);
    bench.source.data('x'.repeat(200_000));
    expect(bench.source.paused).to.equal(true);
    bench.connection.unsentBytes = 0;
    bench.sender.onFlushed();
    expect(bench.source.paused).to.equal(false);
    bench.source.data('x'.repeat(200_000));
    expect(bench.source.paused).to.equal(true);
  });

  it('tells the source, and nobody else, when it is cancelled', () => {
    const bench = new Bench(undefined, true);
    bench.sender.cancel();
    bench.source.data('x').sink!.end();
    bench.sender.onFlushed();
    expect([bench.source.cancelled, bench.outcomes, bench.written]).to.deep.equal([true, [], '']);
  });

  it('writes in chunks whatever comes, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary-ascii', maxLength: 50 })), (pieces) => {
        const bench = new Bench(undefined, true);
        for (const piece of pieces) bench.source.data(piece);
        bench.source.sink!.end();
        const chunks = pieces.filter((piece) => piece !== '');
        const expected = chunks.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
        expect(bench.written).to.equal(`${expected}0\r\n\r\n`);
      }),
    );
  });
});
