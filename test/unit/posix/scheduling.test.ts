import { expect } from 'chai';
import { SCHED_BATCH, SCHED_OTHER } from '../../../src/posix/constants.js';
import { runNative } from '../../helpers/native-child.js';

const SCHED_IDLE = 5;

describe('posix/scheduling', () => {
  it('asks for work in batches', async () => {
    // Not as this process is, which may have asked for it in another test.
    const other = 'chrt --other --pid 0 $$';
    expect(await runNative('policy', [], [], other)).to.equal(`${SCHED_OTHER} true ${SCHED_BATCH}`);
  });

  it('leaves a process alone for which another policy was chosen', async () => {
    const idle = 'chrt --idle --pid 0 $$';
    expect(await runNative('policy', [], [], idle)).to.equal(`${SCHED_IDLE} false ${SCHED_IDLE}`);
  });
});
