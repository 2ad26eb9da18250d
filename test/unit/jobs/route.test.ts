import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import { routeOf } from '../../../src/jobs/route.js';

describe('jobs/route', () => {
  it('knows what is there', () => {
    expect(routeOf('/jobs')).to.deep.equal({ to: 'jobs' });
    expect(routeOf('/jobs/')).to.deep.equal({ to: 'jobs' });
    expect(routeOf('/jobs/a')).to.deep.equal({ to: 'job', job: 'a' });
    expect(routeOf('/jobs/a/')).to.deep.equal({ to: 'job', job: 'a' });
    for (const to of ['seal', 'result', 'events'] as const) {
      expect(routeOf(`/jobs/a/${to}`)).to.deep.equal({ to, job: 'a' });
    }
    expect(routeOf('/jobs/a/parts/b')).to.deep.equal({ to: 'part', job: 'a', part: 'b' });
    expect(routeOf('/jobs/build%207/parts/%C3%A9')).to.deep.equal({ to: 'part', job: 'build 7', part: 'é' });
    expect(routeOf('/jobs/\xc3\xa9')).to.deep.equal({ to: 'job', job: 'é' });
  });

  it('knows nothing else', () => {
    for (const path of [
      '/jobs/a/other',
      '/jobs/a/parts',
      '/jobs/a/result/x',
      '/jobs/a/parts/b/c',
      '/jobs//',
    ]) {
      let route: unknown;
      try {
        route = routeOf(path);
      } catch (error) {
        expect(error, path).to.be.an.instanceOf(JobError);
      }
      expect(route, path).to.equal(undefined);
    }
  });

  it('refuses names that lead elsewhere, however they are written', () => {
    for (const path of [
      '/jobs/..',
      '/jobs/%2e%2e',
      '/jobs/a%2fb',
      '/jobs/a/parts/%2e%2e%2fx',
      '/jobs/a/parts/',
      '/jobs/%ff',
    ]) {
      expect(() => routeOf(path), path).to.throw(JobError);
    }
  });
});
