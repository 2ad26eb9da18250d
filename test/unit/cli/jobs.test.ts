import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { jobs } from '../../../src/cli/jobs.js';
import { EXIT, HandoverError } from '../../../src/errors.js';
import type { PublicStatus } from '../../../src/jobs/replies.js';
import { TestDirectory } from '../../helpers/directory.js';
import { FakeJobsServer, sha256Of } from '../../helpers/fake-jobs-server.js';
import { FakeTerminal } from '../../helpers/fake-terminal.js';

const CONTENT = 'All happy families\n';
const OPEN: PublicStatus = {
  job: 'nightly',
  state: 'open',
  reducer: 'lines',
  order: 'arrival',
  expectedParts: 8,
  created: new Date(Date.now() - 90_000).toISOString(),
  deadline: new Date(Date.now() + 3_600_500).toISOString(),
  parts: 3,
  bytes: 4096,
  reducedBytes: 1024,
  receiving: 2,
  receivingBytes: 2048,
  result: null,
  error: null,
};
const DONE: PublicStatus = {
  ...OPEN,
  state: 'done',
  reducedBytes: 4096,
  receiving: 0,
  result: { bytes: CONTENT.length, sha256: sha256Of(CONTENT) },
};

describe('cli/jobs', () => {
  let server: FakeJobsServer;
  let directory: TestDirectory;
  let terminal: FakeTerminal;
  let output: PassThrough;
  /** Done before each further look. */
  let between: (() => void)[];
  beforeEach(async () => {
    directory = new TestDirectory({ 'old.txt': 'old' });
    terminal = new FakeTerminal(directory.path);
    output = new PassThrough();
    between = [];
    server = await FakeJobsServer.start();
  });
  afterEach(async () => {
    await server.close();
    directory.remove();
  });

  const run = (...args: string[]) => {
    const line = parseCommandLine(['jobs', '--url', server.url, ...args], directory.path);
    expect(line.mistakes).to.deep.equal([]);
    return jobs(line, terminal, { output, pause: async () => between.shift()!() });
  };
  const answer = (request: string, body: unknown, status = 200): void => {
    server.answers.set(request, { status, body: typeof body === 'string' ? body : JSON.stringify(body) });
  };
  const refusal = (error: string) => ({ error, message: `said ${error}` });

  it('shows a table', async () => {
    answer('GET /jobs', {
      jobs: [OPEN, { ...DONE, job: 'z' }, { ...DONE, state: 'failed', result: null, error: 'no number' }],
    });
    expect(await run()).to.equal(EXIT.ok);
    expect(terminal.said.replaceAll(/\d+ min \d+ s/g, 'AGE').replaceAll(/ +age/g, ' age')).to.equal(
      [
        '  job      state    parts   bytes  reduced  sending age  result',
        '  nightly  open    3 of 8  4.0 KB     25 %        2  AGE  -',
        '  z        done    3 of 8  4.0 KB    100 %        -  AGE  19 B',
        '  nightly  failed  3 of 8  4.0 KB    100 %        -  AGE  no number',
        '',
      ].join('\n'),
    );
  });

  it('says that there are none', async () => {
    answer('GET /jobs', { jobs: [] });
    expect(await run()).to.equal(EXIT.ok);
    expect(terminal.said).to.equal('There are no jobs.\n');
  });

  it('shows one job', async () => {
    answer('GET /jobs/nightly', OPEN);
    expect(await run('nightly')).to.equal(EXIT.ok);
    expect(terminal.said).to.match(/^nightly\n\n {2}state +open\n {2}reducer +lines, in order of arrival\n/);
    expect(terminal.said).to.match(/^ {2}parts +3 of 8, 4\.0 KB$/m);
    expect(terminal.said).to.match(/^ {2}reduced +\[#{6}-{18}\] 25 % {2}1\.0 KB$/m);
    expect(terminal.said).to.match(/^ {2}sending +2 with 2\.0 KB so far$/m);
  });

  it('shows what the server says, as JSON', async () => {
    answer('GET /jobs/nightly', DONE);
    expect(await run('nightly', '--json')).to.equal(EXIT.ok);
    expect(JSON.parse(terminal.said)).to.deep.equal(DONE);
  });

  it('watches one until it is done, and says each thing once', async () => {
    answer('GET /jobs/nightly', { ...OPEN, created: DONE.created });
    between = [
      () => answer('GET /jobs/nightly', { ...OPEN, state: 'sealed' }),
      () => answer('GET /jobs/nightly', DONE),
    ];
    expect(await run('nightly', '--watch')).to.equal(EXIT.ok);
    expect([...terminal.said.matchAll(/^ {2}state +(\w+)$/gm)].map(([, state]) => state)).to.deep.equal([
      'open',
      'sealed',
      'done',
    ]);
  });

  it('watches one until it has failed', async () => {
    answer('GET /jobs/nightly', { ...OPEN, state: 'failed', error: 'no number' });
    expect(await run('nightly', '--watch')).to.equal(EXIT.notTransferred);
    expect(terminal.said).to.match(/^ {2}state +failed: no number$/m);
  });

  it('shows on a terminal the one in the place of the other', async () => {
    terminal = new FakeTerminal(directory.path, { isInteractive: true });
    answer('GET /jobs/nightly', OPEN);
    between = [() => answer('GET /jobs/nightly', DONE)];
    await run('nightly', '--watch');
    const [first = '', second = ''] = terminal.said.split('\u001b[J');
    expect(first).to.match(new RegExp(`\u001b\\[${first.split('\n').length - 1}A$`));
    expect(second).to.match(/^nightly\n/);
  });

  it('seals and removes', async () => {
    answer('POST /jobs/a%20b/seal', { ...OPEN, state: 'sealed' });
    answer('DELETE /jobs/a%20b', '', 204);
    expect([await run('seal', 'a b'), await run('rm', 'a b')]).to.deep.equal([EXIT.ok, EXIT.ok]);
    expect(terminal.said).to.equal('a b: sealed\na b: removed\n');
  });

  it('says why the server does not', async () => {
    answer('POST /jobs/a/seal', refusal('no-such-job'), 404);
    expect(await run('seal', 'a')).to.equal(EXIT.notObeyed);
    expect(terminal.complaints).to.equal('handover jobs: said no-such-job (no-such-job)\n');
  });

  it('says so when the server knows no jobs', async () => {
    expect(await run()).to.equal(EXIT.notObeyed);
    expect(terminal.complaints).to.equal('handover jobs: the server answers 404 Not Found\n');
    answer('GET /jobs', { version: 1 });
    expect(await run()).to.equal(EXIT.notObeyed);
    expect(terminal.complaints).to.match(/this server does not know jobs: its answer is no list of them\n$/);
  });

  describe('the result', () => {
    beforeEach(() => {
      answer('GET /jobs/nightly/result', CONTENT);
      answer('GET /jobs/nightly', DONE);
    });

    it('goes to standard output', async () => {
      expect(await run('result', 'nightly')).to.equal(EXIT.ok);
      expect([await text(output.end()), terminal.said]).to.deep.equal([CONTENT, '']);
    });

    it('goes to a file, in place of what is there', async () => {
      expect(await run('result', 'nightly', '--out', 'old.txt')).to.equal(EXIT.ok);
      expect(readFileSync(directory.at('old.txt'), 'utf8')).to.equal(CONTENT);
      expect(terminal.said).to.equal(`nightly: ${CONTENT.length} bytes, sha256 ${sha256Of(CONTENT)}\n`);
      expect(readdirSync(directory.path)).to.deep.equal(['old.txt']);
    });

    it('is waited for', async () => {
      answer('GET /jobs/nightly/result?wait=30', CONTENT);
      server.answers.delete('GET /jobs/nightly/result');
      expect(await run('result', 'nightly', '--wait', '30')).to.equal(EXIT.ok);
    });

    it('that is another one leaves nothing', async () => {
      answer('GET /jobs/nightly', { ...DONE, result: { bytes: 1, sha256: sha256Of('x') } });
      expect(await run('result', 'nightly', '--out', 'old.txt')).to.equal(EXIT.notTransferred);
      expect(terminal.complaints).to.match(/other bytes came than the result has/);
      expect(readdirSync(directory.path)).to.deep.equal(['old.txt']);
      expect(readFileSync(directory.at('old.txt'), 'utf8')).to.equal('old');
    });

    it('is not there yet', async () => {
      answer('GET /jobs/nightly/result', refusal('job-not-done'), 409);
      expect(await run('result', 'nightly', '--out', 'old.txt')).to.equal(EXIT.notTransferred);
      expect(terminal.complaints).to.match(/said job-not-done/);
      expect(readFileSync(directory.at('old.txt'), 'utf8')).to.equal('old');
    });

    for (const [out, problem] of [
      ['no/new.txt', /^--out=.*no\/new\.txt: ENOENT/],
      ['directory', /^--out=.*directory: this is a directory$/],
    ] as const) {
      it(`needs a file that can be written, and not ${out}`, async () => {
        directory.write('directory/', '');
        const error = await run('result', 'nightly', '--out', out).catch((thrown: unknown) => thrown);
        expect(error).to.be.instanceOf(HandoverError).with.property('exitCode', EXIT.cannotRead);
        expect((error as Error).message).to.match(problem);
        expect(readdirSync(directory.path).sort()).to.deep.equal(['directory', 'old.txt']);
      });
    }

    it('is lost where there is no room for it', async function () {
      if (process.platform !== 'linux') this.skip();
      const error = await run('result', 'nightly', '--out', '/dev/full').catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(HandoverError).with.property('exitCode', EXIT.cannotRead);
      expect((error as Error).message).to.match(/^--out=\/dev\/full: ENOSPC/);
    });

    it('goes into a FIFO, which stays one', async () => {
      const pipe = directory.at('pipe');
      execFileSync('mkfifo', [pipe]);
      const read = readFile(pipe, 'utf8');
      expect(await run('result', 'nightly', '--out', 'pipe')).to.equal(EXIT.ok);
      expect(await read).to.equal(CONTENT);
      expect(statSync(pipe).isFIFO()).to.equal(true);
    });
  });

  it('refuses what it does not understand', async () => {
    expect(await run('seal')).to.equal(EXIT.usage);
    expect(await run('a', 'b')).to.equal(EXIT.usage);
    expect(await run('seal', 'a', 'b')).to.equal(EXIT.usage);
    expect(await run('result', 'a', '--wait', 'long')).to.equal(EXIT.usage);
    expect(terminal.complaints.split('\n').slice(0, -1)).to.deep.equal([
      'command line: seal: of which job?; write handover jobs seal JOB',
      'command line: a: these words are not understood; there are seal, rm, result, and the name of a job',
      'command line: seal: these words are not understood; there are seal, rm, result, and the name of a job',
      'command line: --wait=long: must be a whole number from 0 to 3600',
    ]);
    expect(server.requests).to.deep.equal([]);
  });
});
