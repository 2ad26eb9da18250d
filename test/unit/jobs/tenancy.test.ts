import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { Tenancy } from '../../../src/jobs/tenancy.js';
import { startTicks } from '../../../src/posix/process-info.js';
import { TestDirectory } from '../../helpers/directory.js';

const GONE = '999999999-1';

describe('jobs/tenancy', () => {
  const sandbox = new TestDirectory();
  let other: ChildProcess;
  beforeEach(() => {
    other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  });
  afterEach(() => other.kill('SIGKILL'));
  after(() => sandbox.remove());

  const identity = (pid: number): string => `${pid}-${startTicks(pid) ?? 0}`;
  function used(name: string, tenant: string): string {
    sandbox.write(`${name}/.workers/`, '');
    writeFileSync(sandbox.at(`${name}/.workers/${tenant}`), '');
    return sandbox.at(name);
  }

  it('is shared by the workers of one master', async () => {
    const directory = used('shared', `${identity(other.pid!)}-${identity(process.ppid)}`);
    const tenancy = await Tenancy.begin(directory);
    expect(readdirSync(`${directory}/.workers`)).to.have.length(2);
    tenancy.end();
    expect(readdirSync(`${directory}/.workers`)).to.have.length(1);
  });

  it('is refused while another server has the directory', async () => {
    const directory = used('taken', `${identity(other.pid!)}-${identity(other.pid!)}`);
    const refusal = await Tenancy.begin(directory).then(
      () => 'none',
      (error: Error) => error.message,
    );
    expect(refusal).to.equal(`JOBS_DIR ${directory} is used by another server (pid ${other.pid})`);
    expect(readdirSync(`${directory}/.workers`)).to.have.length(1);
  });

  it('begins when workers that have lost their master are gone', async () => {
    const directory = used('orphaned', `${identity(other.pid!)}-${GONE}`);
    let hasBegun = false;
    const beginning = Tenancy.begin(directory).then((tenancy) => {
      hasBegun = true;
      return tenancy;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(hasBegun).to.equal(false);
    other.kill('SIGKILL');
    await once(other, 'exit');
    (await beginning).end();
    expect(readdirSync(`${directory}/.workers`)).to.deep.equal([]);
  });

  it('takes no notice of what killed workers have left', async () => {
    const directory = used('left', `${GONE}-${GONE}`);
    (await Tenancy.begin(directory)).end();
    expect(readdirSync(`${directory}/.workers`)).to.deep.equal([]);
  });
});
