import { expect } from 'chai';
import type { Dispatcher } from 'undici';
import { BodyError } from '../../../src/http/body-source.js';
import { UpstreamExchange } from '../../../src/proxy/upstream-exchange.js';
import { UpstreamError } from '../../../src/proxy/upstream-reply.js';
import { FakeSink } from '../../helpers/fake-body.js';

/** What undici gives a handler to control a request with. */
class FakeController {
  paused = false;
  reason: Error | null = null;
  rawHeaders: Buffer[] = [];

  get aborted(): boolean {
    return this.reason !== null;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  abort(reason: Error): void {
    this.reason = reason;
  }
}

describe('proxy/upstream-exchange', () => {
  let exchange: UpstreamExchange;
  let controller: FakeController & Dispatcher.DispatchController;

  beforeEach(() => begin('GET'));

  function begin(method: string): void {
    exchange = new UpstreamExchange(method, 'http://up', () => undefined);
    controller = new FakeController() as never;
    exchange.onRequestStart(controller);
  }

  function head(status: number, ...fields: string[]): void {
    Object.assign(controller, { rawHeaders: fields.map((text) => Buffer.from(text, 'latin1')) });
    exchange.onResponseStart(controller, status);
  }

  const failure = (): Promise<UpstreamError> =>
    exchange.reply.then(
      () => expect.fail('a reply'),
      (error: UpstreamError) => error,
    );

  it('replies with the head, and gives the body when it is wanted', async () => {
    head(200, 'X', '\xe4', 'Content-Length', '2', 'Connection', 'x');
    const { status, fields, body, length } = await exchange.reply;
    expect([status, fields, length]).to.deep.equal([200, [['Content-Length', '2']], 2]);
    expect(controller.paused).to.equal(true);
    const sink = new FakeSink();
    body!.start(sink);
    expect(controller.paused).to.equal(false);
    exchange.onResponseData(controller, Buffer.from('ok'));
    exchange.onResponseEnd();
    expect([sink.text, sink.outcome]).to.deep.equal(['ok', 'ended']);
  });

  it('keeps how the body ended for whoever starts it later', async () => {
    head(200);
    const ended = (await exchange.reply).body!;
    exchange.onResponseEnd();
    const whole = new FakeSink();
    ended.start(whole);
    expect(whole.outcome).to.equal('ended');
    begin('GET');
    head(200);
    const broken = (await exchange.reply).body!;
    exchange.onResponseError(controller, new Error('broken'));
    const cut = new FakeSink();
    broken.start(cut);
    expect(cut.outcome).to.be.an.instanceOf(Error).with.property('message', 'broken');
  });

  for (const [method, status, fields, kept] of [
    ['HEAD', 200, ['Content-Length', '9'], 1],
    ['GET', 304, ['Content-Length', '9'], 1],
    ['GET', 204, ['Content-Length', '9'], 0],
  ] as const) {
    it(`knows that ${status} to ${method} has no body`, async () => {
      begin(method);
      head(status, ...fields);
      const reply = await exchange.reply;
      expect([reply.body, reply.length, reply.fields.length]).to.deep.equal([null, undefined, kept]);
    });
  }

  it('waits on behind an interim response, and takes no status that there is not', async () => {
    head(103);
    head(999);
    expect(controller.aborted).to.equal(true);
    exchange.onResponseError(controller, controller.reason!);
    expect(await failure()).to.include({ status: 502, isUnsent: false });
  });

  for (const [code, status, isUnsent] of [
    ['ECONNREFUSED', 502, true],
    ['ENOTFOUND', 502, true],
    ['UND_ERR_CONNECT_TIMEOUT', 504, true],
    ['UND_ERR_HEADERS_TIMEOUT', 504, false],
    ['UND_ERR_INVALID_ARG', 400, true],
    ['UND_ERR_SOCKET', 502, false],
    ['HPE_INVALID_CONSTANT', 502, false],
  ] as const) {
    it(`says ${status} of ${code}`, async () => {
      exchange.onResponseError(controller, Object.assign(new Error('why'), { code }));
      const error = await failure();
      expect(error).to.be.an.instanceOf(UpstreamError).and.include({ status, isUnsent });
      expect(error.message).to.equal('http://up: why');
    });
  }

  it('says of a request whose body cannot be read what the body says', async () => {
    exchange.onResponseError(controller, new BodyError(413, 'too large'));
    expect(await failure()).to.include({ status: 413, message: 'too large' });
  });

  it('is cancelled before, while and after it is begun', async () => {
    exchange.cancel();
    expect([controller.aborted, exchange.isCancelled]).to.deep.equal([true, true]);
    const early = new UpstreamExchange('GET', 'http://up', () => undefined);
    early.cancel();
    controller = new FakeController() as never;
    early.onRequestStart(controller);
    expect(controller.aborted).to.equal(true);
    begin('GET');
    head(200);
    const sink = new FakeSink();
    (await exchange.reply).body!.start(sink);
    exchange.cancel();
    exchange.onResponseData(controller, Buffer.from('late'));
    exchange.onResponseError(controller, new Error('aborted'));
    expect([sink.text, sink.outcome]).to.deep.equal(['', undefined]);
  });
});
