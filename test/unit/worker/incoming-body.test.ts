import { expect } from 'chai';
import { IncomingBody } from '../../../src/worker/incoming-body.js';
import { FakeSink } from '../../helpers/fake-body.js';

describe('worker/incoming-body', () => {
  let asked: number;
  let body: IncomingBody;
  beforeEach(() => {
    asked = 0;
    body = new IncomingBody(() => void asked++);
  });

  it('wants nothing before it is started, and while it is paused', () => {
    expect([body.wants, asked]).to.deep.equal([false, 0]);
    body.start(new FakeSink());
    expect([body.wants, asked]).to.deep.equal([true, 1]);
    body.pause();
    expect(body.wants).to.equal(false);
    body.resume();
    expect([body.wants, asked]).to.deep.equal([true, 2]);
  });

  it('gives what comes to whoever has started it', () => {
    const sink = new FakeSink();
    body.start(sink);
    body.sink.data(Buffer.from('a'));
    body.sink.end();
    expect([sink.text, sink.outcome]).to.deep.equal(['a', 'ended']);
  });

  it('takes all and gives it to nobody once it is cancelled', () => {
    const sink = new FakeSink();
    body.start(sink);
    body.pause();
    expect(body.isDiscarded).to.equal(false);
    body.cancel();
    expect([body.wants, body.isDiscarded]).to.deep.equal([true, true]);
    body.sink.data(Buffer.from('a'));
    body.sink.fail(new Error('gone'));
    expect([sink.text, sink.outcome]).to.deep.equal(['', undefined]);
  });
});
