import { expect } from 'chai';
import { BodyError } from '../../../src/http/body-source.js';
import { JobError } from '../../../src/jobs/api.js';
import { readText, receive } from '../../../src/jobs/upload.js';
import { FakeSource } from '../../helpers/fake-body.js';
import { FakeReception } from '../../helpers/jobs-bench.js';
import { Later } from '../../helpers/later.js';
import { settled } from '../../helpers/session-bench.js';

describe('jobs/upload', () => {
  it('says that a body broke off when what came of it is kept', async () => {
    const [body, reception, kept] = [new FakeSource(), new FakeReception(), new Later<void>()];
    reception.kept = kept.promise;
    let refusal: unknown;
    const received = receive(body, reception).catch((error) => {
      refusal = error;
    });
    body.data('12345');
    body.sink!.fail(new BodyError(408, 'too slow'));
    await settled();
    expect([reception.abandoned, refusal]).to.deep.equal([1, undefined]);
    kept.resolve();
    await received;
    expect(refusal).to.be.instanceOf(JobError).with.property('code', 'timeout');
  });

  it('reads no more of a text than it may have', async () => {
    const body = new FakeSource();
    const read = readText(body, 10).catch((error) => error as JobError);
    body.data('12345678901');
    expect(await read)
      .to.be.instanceOf(JobError)
      .with.property('code', 'bad-request');
    expect(body.cancelled).to.equal(true);
  });
});
