import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import { newJob } from '../../../src/jobs/new-job.js';

describe('jobs/new-job', () => {
  it('takes a name, and what else is said', () => {
    expect(newJob('{"job":"a"}', 0, false)).to.deep.equal({ job: 'a', options: {} });
    const all = { job: 'a', reducer: 'sum', order: 'arrival', parts: 3, deadlineSeconds: 60 };
    expect(newJob(JSON.stringify(all), 1000, false)).to.deep.equal({
      job: 'a',
      options: { reducer: 'sum', order: 'arrival', expectedParts: 3, deadlineMs: 61_000 },
    });
    expect(newJob('{"job":"a","reducer":"module"}', 0, true).options.reducer).to.equal('module');
  });

  it('says what is wrong', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['', /not JSON/],
      ['[]', /no JSON object/],
      ['{}', /"job".* is missing/],
      ['{"job":"../a"}', /begins with a dot/],
      ['{"job":"a","reducer":"module"}', /"reducer" is one of concat, /],
      ['{"job":"a","order":"size"}', /"order" is name or arrival/],
      ['{"job":"a","parts":0}', /"parts"/],
      ['{"job":"a","deadlineSeconds":"1"}', /"deadlineSeconds"/],
      ['{"job":"a","part":1}', /"part" is not known here/],
    ];
    for (const [text, message] of wrong)
      expect(() => newJob(text, 0, false), text).to.throw(JobError, message);
  });
});
