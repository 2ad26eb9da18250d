import { expect } from 'chai';
import fc from 'fast-check';
import { textReply } from '../../../src/http/error-reply.js';
import type { Reply } from '../../../src/http/reply.js';
import { PreparedReply } from '../../../src/http/serialise.js';
import type { DrainMode, SendFileOutcome } from '../../../src/transport/connection.js';
import { FakeFile } from '../../helpers/fake-connection.js';
import { Later } from '../../helpers/later.js';
import { get, SessionBench, settled } from '../../helpers/session-bench.js';

const PREPARED = new PreparedReply(
  200,
  'Content-Type: text/plain\r\nContent-Length: 3\r\n',
  Buffer.from('abc'),
  'HIT',
);
const FILE_BYTES = 500;

/** What a client may send, whole or in part. */
const TEXTS = [
  get('/prepared'),
  get('/large'),
  get('/later'),
  get('/file'),
  get('/prepared', 'Connection: close\r\n'),
  'HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
  '12345',
  'POST /text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
];

type Step =
  | { readonly kind: 'receive'; readonly text: string; readonly part: number }
  | { readonly kind: 'flush'; readonly part: number }
  | { readonly kind: 'answer'; readonly fails: boolean }
  | { readonly kind: 'file'; readonly outcome: SendFileOutcome | 'fail' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'drain'; readonly mode: DrainMode }
  | { readonly kind: 'end' | 'leave' };

const part = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('receive' as const), text: fc.constantFrom(...TEXTS), part }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('flush' as const), part }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const), fails: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('file' as const),
      outcome: fc.constantFrom('sent', 'sent', 'sent', 'changed', 'fail'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(40_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('drain' as const),
      mode: fc.constantFrom('close' as const, 'hand-back' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'leave' as const) }) },
);

/** A session to which anything may happen, with what must hold whatever does. */
class Play {
  readonly bench = new SessionBench();
  readonly #files: FakeFile[] = [];
  #answers: Later<Reply>[] = [];
  #ended = false;

  constructor() {
    this.bench.answers
      .set('/prepared', PREPARED)
      .set('/large', textReply(200, 'text/plain', 'x'.repeat(200_000)))
      .set('/file', () => Promise.resolve(this.#fileReply()))
      .set('/later', () => {
        const answer = new Later<Reply>();
        this.#answers.push(answer);
        return answer.promise;
      });
  }

  async take(step: Step): Promise<void> {
    const { connection, session } = this.bench;
    if (this.#isOver) return;
    switch (step.kind) {
      case 'receive':
        if (!connection.paused && !this.#ended)
          connection.receive(step.text.slice(0, step.text.length * step.part));
        break;
      case 'flush':
        if (connection.unsentBytes > 0) connection.flush(Math.ceil(connection.unsentBytes * step.part));
        break;
      case 'answer':
        this.#answer(step.fails);
        break;
      case 'file':
        this.#endFile(step.outcome);
        break;
      case 'pass':
        await this.bench.pass(step.ms);
        break;
      case 'drain':
        session.drain(step.mode);
        break;
      case 'end':
        this.#ended = true;
        session.onEnd();
        break;
      case 'leave':
        connection.destroy();
    }
    await settled();
  }

  /** Lets everything come to its end, as it must when the client has gone. */
  async finish(): Promise<void> {
    for (const answer of this.#answers) answer.resolve(this.#fileReply());
    await settled();
    if (!this.#isOver) this.bench.connection.destroy();
    await settled();
  }

  checkCounters(): void {
    const { bench } = this;
    const classes = (['status2xx', 'status3xx', 'status4xx', 'status5xx'] as const).map((field) =>
      bench.count(field),
    );
    expect(bench.count('requests'), 'requests').to.equal(classes.reduce((sum, count) => sum + count, 0));
    expect(bench.finished).to.be.at.most(bench.count('requests'));
  }

  checkEnd(): void {
    const { bench } = this;
    this.checkCounters();
    expect(bench.finished, 'every response is finished once').to.equal(bench.count('requests'));
    expect(bench.gone, 'gone once').to.equal(1);
    expect(
      this.#files.every(({ closed }) => closed === 1),
      'files are closed once',
    ).to.equal(true);
    expect(bench.count('aborts')).to.be.at.most(1);
    const heads =
      bench.connection.written.toString('latin1').match(/HTTP\/1\.1 [2345]\d\d .*?\r\n\r\n/gs) ?? [];
    expect(heads.length, 'responses sent').to.equal(bench.count('requests'));
    const closing = heads.findIndex((head) => head.includes('\r\nConnection: close\r\n'));
    if (closing >= 0) expect(closing, 'nothing behind the last').to.equal(heads.length - 1);
  }

  get #isOver(): boolean {
    const { destroyed, handedBack } = this.bench.connection;
    return destroyed || handedBack !== undefined;
  }

  #fileReply(): Reply {
    const file = new FakeFile();
    this.#files.push(file);
    const fields = `Content-Type: text/plain\r\nContent-Length: ${FILE_BYTES}\r\n`;
    return {
      status: 200,
      fields,
      body: { file, parts: [{ offset: 0, length: FILE_BYTES }] },
      cache: '',
      close: false,
    };
  }

  #answer(fails: boolean): void {
    const [answer, ...others] = this.#answers;
    this.#answers = others;
    if (fails) answer?.reject(new Error('no'));
    else answer?.resolve(PREPARED);
  }

  #endFile(outcome: SendFileOutcome | 'fail'): void {
    const { sending } = this.bench.connection;
    sending?.progress(FILE_BYTES);
    if (outcome === 'fail') sending?.fail(new Error('EIO'));
    else sending?.end(outcome);
  }
}

describe('worker/session: whatever happens', () => {
  it('counts every response once, closes every file, and comes to an end', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const play = new Play();
      for (const each of steps) {
        await play.take(each);
        play.checkCounters();
      }
      await play.finish();
      play.checkEnd();
    });
    await fc.assert(property, { numRuns: 1000 });
  });
});
