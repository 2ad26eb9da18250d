/** A slow reducer stalls neither its worker nor another job, against the real server. */
import { expect } from 'chai';
import { TestDirectory } from '../helpers/directory.js';
import { JobsClient } from '../helpers/jobs-client.js';
import { TestServer } from '../helpers/server.js';

describe('jobs whose reducer is slow', () => {
  let module: TestDirectory;
  let server: TestServer;
  const jobs = new JobsClient(() => server.origin);
  before(async () => {
    module = new TestDirectory();
    const text = `
      import { existsSync } from 'node:fs';
      const cell = new Int32Array(new SharedArrayBuffer(4));
      const WAYS = {
        sleeps: () => void Atomics.wait(cell, 0, 0, 5),
        works: () => {},
        awaits: () => new Promise((resolve) => setTimeout(resolve, 5)),
      };
      export async function add(chunk, part, job) {
        while (part in WAYS && !existsSync(${JSON.stringify(module.path)} + '/go')) await WAYS[part]();
        job.emit(chunk);
      }`;
    const path = module.write('reduce.mjs', text);
    server = await TestServer.start({
      settings: (site) => ({
        JOBS_DIR: `${site.outside}/jobs`,
        REDUCER: path,
        NUM_WORKERS: '1',
        JOBS_THREADS: '1',
      }),
    });
  });
  after(async () => {
    await server?.stop();
    module.remove();
  });

  it('do not keep others from their end, nor from being removed', async () => {
    const slow = ['works', 'awaits'];
    await jobs.put('module', 'a', 'begun, ');
    for (const way of slow) await jobs.put(way, way, `${way} `);
    await jobs.put('removed', 'sleeps', 'x');
    await jobs.create('built-in', { reducer: 'count' });
    await jobs.put('built-in', 'a', 'one line');
    await jobs.put('module', 'b', 'and done');
    await Promise.all(['built-in', 'module'].map((job) => jobs.seal(job)));
    expect((await jobs.result('built-in')).json).to.deep.equal({ parts: 1, bytes: 8, lines: 1 });
    expect((await jobs.result('module')).bytes.toString()).to.equal('begun, and done');
    expect((await jobs.ask('DELETE', '/removed')).status).to.equal(204);
    expect((await jobs.ask('GET', '/removed')).status).to.equal(404);
    for (const way of slow) expect(await jobs.status(way)).to.include({ state: 'open', reducedBytes: 0 });
    module.write('go', '');
    for (const way of slow) {
      await jobs.put(way, 'z', 'and goes on');
      await jobs.seal(way);
      expect((await jobs.result(way)).bytes.toString()).to.equal(`${way} and goes on`);
    }
  });
});
