import { expect } from 'chai';
import type { PartOrder, ReducerName } from '../../../src/jobs/api.js';
import { JobReduction } from '../../../src/jobs/job-reduction.js';
import { FakeReducing } from '../../helpers/jobs-in-memory.js';

const MB = 1024 * 1024;

describe('jobs/job-reduction', () => {
  /** A reduction that was given more than it may be behind, none of which is reduced. */
  function behind(reducer: ReducerName, order: PartOrder, reducing = new FakeReducing()): JobReduction {
    const nothing = (): void => undefined;
    return new JobReduction({
      job: 'job',
      reducer,
      order,
      resultPath: '/result',
      reducing,
      parts: () => [{ name: 'a', path: '/a', offset: 0, bytes: 65 * MB }],
      onProgress: nothing,
      onDone: nothing,
      onFailed: nothing,
      report: nothing,
    });
  }

  it('is waited for when the reducer is behind, until it has caught up', async () => {
    const reducing = new FakeReducing();
    const room = behind('lines', 'arrival', reducing).room();
    expect(room).not.to.equal(undefined);
    reducing.last.options.onProgress(2 * MB);
    await room;
    expect(behind('count', 'name').room()).not.to.equal(undefined);
  });

  it('is not waited for where parts wait for their order, which is known when the job is sealed', () => {
    expect(behind('concat', 'name').room()).to.equal(undefined);
    expect(behind('module', 'name').room()).to.equal(undefined);
  });
});
