/** WebDAV against litmus, the compliance suite that other servers are held to. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { TestDirectory } from '../helpers/directory.js';
import type { TestServer } from '../helpers/server.js';
import { writableServer } from '../helpers/writing.js';

const run = promisify(execFile);

/** How many tests each suite has (litmus 0.13): fewer means that one has ended early. */
const SUITES = { basic: 16, copymove: 13, props: 30, locks: 41, http: 4 } as const;

async function isInstalled(): Promise<boolean> {
  return run('litmus', ['--help']).then(
    () => true,
    (error) => error.code !== 'ENOENT',
  );
}

describe('litmus', () => {
  let server: TestServer;
  let directory: TestDirectory;

  before(async function () {
    if (!(await isInstalled())) {
      if (process.env.HANDOVER_NEEDS_LITMUS === '1') throw new Error('litmus: not found; apt install litmus');
      this.skip();
    }
    server = await writableServer({ WEBDAV: 'on' });
    directory = new TestDirectory();
  });
  after(async () => {
    directory?.remove();
    await server?.stop();
  });

  for (const [suite, count] of Object.entries(SUITES)) {
    it(`passes all ${count} of ${suite}`, async () => {
      // Each alone: with -k its exit status would tell of the last one only. It writes its log where it stands.
      const env = { PATH: process.env.PATH ?? '', TESTS: suite };
      const { stdout } = await run('litmus', [`${server.origin}/`], { cwd: directory.path, env }).catch(
        (error) => error,
      );
      expect(stdout).to.contain(`of ${count} tests run: ${count} passed, 0 failed`);
      expect(stdout).not.to.contain('WARNING');
    });
  }
});
