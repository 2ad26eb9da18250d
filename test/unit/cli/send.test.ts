import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { expect } from 'chai';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { send } from '../../../src/cli/send.js';
import { EXIT } from '../../../src/errors.js';
import { TestDirectory } from '../../helpers/directory.js';
import { FakeJobsServer, sha256Of } from '../../helpers/fake-jobs-server.js';
import { FakeTerminal } from '../../helpers/fake-terminal.js';

const LARGE = Buffer.alloc(3_000_000, 'All happy families are alike. ');

describe('cli/send', () => {
  let server: FakeJobsServer;
  let directory: TestDirectory;
  let terminal: FakeTerminal;
  let pauses: number[];
  beforeEach(async () => {
    directory = new TestDirectory({ 'a b.log': 'abc', large: LARGE, empty: '' });
    terminal = new FakeTerminal(directory.path);
    pauses = [];
    server = await FakeJobsServer.start();
  });
  afterEach(async () => {
    await server.close();
    directory.remove();
  });

  const run = (args: readonly string[], input: Readable = Readable.from([])) => {
    const line = parseCommandLine(['send', '--url', server.url, '--job', 'j', ...args], directory.path);
    expect(line.mistakes).to.deep.equal([]);
    return send(line, terminal, { input, pause: async (ms) => pauses.push(ms) });
  };
  const receipt = (part: string, content: Buffer | string): string =>
    `${part}: ${Buffer.byteLength(content)} bytes, sha256 ${sha256Of(content)}\n`;

  describe('a file', () => {
    it('is sent under its own name, and told with its digest', async () => {
      expect(await run(['a b.log'])).to.equal(EXIT.ok);
      expect([terminal.said, terminal.complaints]).to.deep.equal([receipt('a b.log', 'abc'), '']);
      expect(server.parts.get('a%20b.log')?.toString()).to.equal('abc');
      expect(server.requests).to.deep.equal(['PUT /jobs/j/parts/a%20b.log']);
    });

    it('is sent under another name', async () => {
      expect(await run(['a b.log', '--part', 'p'])).to.equal(EXIT.ok);
      expect([...server.parts.keys()]).to.deep.equal(['p']);
    });

    it('may be empty', async () => {
      expect(await run(['empty'])).to.equal(EXIT.ok);
      expect(terminal.said).to.equal(receipt('empty', ''));
    });

    it('that is there already is not sent again', async () => {
      server.parts.set('large', LARGE);
      expect(await run(['large'])).to.equal(EXIT.ok);
      expect(server.requests).to.deep.equal(['HEAD /jobs/j/parts/large']);
      expect(terminal.said).to.match(/^large: 3000000 bytes, sha256 \w{64} \(was there already\)\n$/);
    });

    it('that is another one there is not delivered', async () => {
      server.parts.set('large', Buffer.from('other'));
      expect(await run(['large'])).to.equal(EXIT.notTransferred);
      expect(terminal.complaints).to.equal('handover send: large: another part of that name is there\n');
    });

    it('goes on where the connection broke, as often as that happens', async () => {
      const breaks = [1, 70_000, 1_000_000, 1_000_001, 2_500_000, 2_999_999];
      server.troubles.push(...breaks.map((breakAfter) => ({ breakAfter })));
      expect(await run(['large', '--retries', '1'])).to.equal(EXIT.ok);
      expect(server.parts.get('large')?.equals(LARGE)).to.equal(true);
      const ranges = server.requests.filter((request) => request.includes('bytes '));
      expect(ranges).to.deep.equal(breaks.map((at) => `PUT /jobs/j/parts/large bytes ${at}-2999999/3000000`));
      expect(terminal.said).to.equal(receipt('large', LARGE));
      expect(terminal.complaints.match(/it is tried again in \d\.\d s\n/g)).to.have.lengthOf(breaks.length);
      // Each time something had arrived: the pauses do not grow.
      for (const pause of pauses) expect(pause).to.be.within(250, 500);
    });

    it('goes on with what an earlier call has left', async () => {
      server.kept.set('large', LARGE.subarray(0, 2_000_000));
      expect(await run(['large'])).to.equal(EXIT.ok);
      expect(server.requests.at(-1)).to.equal('PUT /jobs/j/parts/large bytes 2000000-2999999/3000000');
      expect(server.parts.get('large')?.equals(LARGE)).to.equal(true);
    });

    it('begins anew when what is there is the beginning of another', async () => {
      server.kept.set('large', Buffer.alloc(1000, 'x'));
      expect(await run(['large'])).to.equal(EXIT.ok);
      expect(server.requests.filter((request) => request.startsWith('PUT'))).to.deep.equal([
        'PUT /jobs/j/parts/large bytes 1000-2999999/3000000',
        'PUT /jobs/j/parts/large',
      ]);
      expect(server.parts.get('large')?.equals(LARGE)).to.equal(true);
    });

    it('sends nothing more when all of it is there, and is not durable', async () => {
      server.kept.set('large', LARGE);
      expect(await run(['large'])).to.equal(EXIT.ok);
      expect(server.requests.at(-1)).to.equal('PUT /jobs/j/parts/large bytes */3000000');
    });

    it('goes on where the server wants it', async () => {
      server.kept.set('large', LARGE.subarray(0, 2000));
      server.troubles.push({ status: 409, error: 'wrong-offset', fields: { 'Upload-Offset': '2000' } });
      expect(await run(['large'])).to.equal(EXIT.ok);
      expect([pauses, server.parts.get('large')?.equals(LARGE)]).to.deep.equal([[], true]);
    });

    it('is not sent for ever to a server that always wants another byte', async () => {
      server.kept.set('large', LARGE.subarray(0, 2000));
      for (let i = 0; i < 50; i++) server.troubles.push({ status: 409, error: 'wrong-offset' });
      expect(await run(['large'])).to.equal(EXIT.notTransferred);
      expect(server.troubles.length).to.be.above(40);
    });

    it('waits longer and longer for a server that is busy, and gives up', async () => {
      for (let i = 0; i < 10; i++) server.troubles.push({ status: 503, error: 'owner-lost' });
      expect(await run(['a b.log', '--retries', '8'])).to.equal(EXIT.notTransferred);
      expect(pauses).to.have.lengthOf(8);
      pauses.forEach((pause, i) => {
        const longest = Math.min(30_000, 500 * 2 ** i);
        expect(pause).to.be.within(longest / 2, longest);
      });
      expect(terminal.complaints).to.match(/: said owner-lost \(owner-lost\); given up after 8 retries\n$/);
    });

    it('waits for as long as the server says', async () => {
      server.troubles.push({ status: 503, error: 'owner-lost', fields: { 'Retry-After': '7' } });
      expect(await run(['a b.log'])).to.equal(EXIT.ok);
      expect(pauses).to.deep.equal([7000]);
    });

    for (const [status, error] of [
      [507, 'storage-full'],
      [409, 'job-sealed'],
      [413, 'part-too-large'],
      [401, 'unauthorized'],
    ] as const) {
      it(`is not tried again after ${status} ${error}`, async () => {
        server.troubles.push({ status, error });
        expect(await run(['large'])).to.equal(EXIT.notTransferred);
        expect(pauses).to.deep.equal([]);
        expect(terminal.complaints).to.equal(`handover send: large: said ${error} (${error})\n`);
      });
    }

    it('is told that the token is wrong, also where it is only asked what is there', async () => {
      server.refusals.push({ status: 401, error: 'unauthorized' });
      expect(await run(['large'])).to.equal(EXIT.notTransferred);
      expect(terminal.complaints).to.equal(
        'handover send: large: the server wants another token (unauthorized)\n',
      );
    });

    it('needs a server that answers', async () => {
      const { url } = server;
      const other = await FakeJobsServer.start();
      await server.close();
      server = other;
      const line = parseCommandLine(['send', '--url', url, '--job', 'j', 'a b.log'], directory.path);
      const code = await send(line, terminal, {
        input: Readable.from([]),
        pause: async (ms) => pauses.push(ms),
      });
      expect([code, pauses.length]).to.deep.equal([EXIT.notTransferred, 5]);
      expect(terminal.complaints).to.match(/ECONNREFUSED/);
    });

    it('shows on a terminal how far it is, and removes that in the end', async () => {
      terminal = new FakeTerminal(directory.path, { isInteractive: true });
      expect(await run(['large'])).to.equal(EXIT.ok);
      expect(terminal.complaints)
        .to.match(/^\r\u001b\[K[^\r]+\r/)
        .and.to.match(/\r\u001b\[K$/);
    });
  });

  describe('standard input', () => {
    it('is sent as it comes', async () => {
      const input = new PassThrough();
      input.write('abc');
      const running = run(['--part', 'p'], input);
      input.end('def');
      expect(await running).to.equal(EXIT.ok);
      expect(terminal.said).to.equal(receipt('p', 'abcdef'));
      expect(server.parts.get('p')?.toString()).to.equal('abcdef');
    });

    it('is waited with until the server is there', async () => {
      server.refusals.push({ status: 503, error: 'owner-lost' }, { status: 503, error: 'owner-lost' });
      expect(await run(['-', '--part', 'p'], Readable.from([Buffer.from('abc')]))).to.equal(EXIT.ok);
      expect(pauses).to.have.lengthOf(2);
      expect(server.parts.get('p')?.toString()).to.equal('abc');
    });

    it('is sent once only, which it says', async () => {
      server.troubles.push({ breakAfter: 100_000 });
      expect(await run(['--part', 'p'], Readable.from([LARGE]))).to.equal(EXIT.notTransferred);
      expect(pauses).to.deep.equal([]);
      expect(terminal.complaints).to.match(/; \d+ bytes of it are gone, and it cannot be sent again\n$/);
      expect(server.parts.size).to.equal(0);
    });

    for (const sent of ['', 'abc']) {
      it(`that breaks ${sent === '' ? 'before anything of it was sent' : 'in the middle'} is no part`, async () => {
        async function* pieces(): AsyncGenerator<Buffer> {
          if (sent !== '') {
            yield Buffer.from(sent);
            await server.received('PUT /jobs/j/parts/p');
          }
          throw new Error('broken pipe');
        }
        expect(await run(['--part', 'p'], Readable.from(pieces()))).to.equal(EXIT.notTransferred);
        expect([terminal.complaints.includes('broken pipe'), server.parts.size]).to.deep.equal([true, 0]);
      });
    }

    it('that breaks before the server has answered is no part', async () => {
      const input = new PassThrough();
      const running = run(['--part', 'p'], input);
      input.destroy(new Error('broken pipe'));
      expect(await running).to.equal(EXIT.notTransferred);
      expect([terminal.complaints, server.parts.size]).to.deep.equal(['handover send: p: broken pipe\n', 0]);
    });

    it('may also be a FIFO that has a name', async () => {
      execFileSync('mkfifo', [directory.at('pipe')]);
      const running = run(['pipe']);
      await writeFile(directory.at('pipe'), 'abc');
      expect(await running).to.equal(EXIT.ok);
      expect(server.parts.get('pipe')?.toString()).to.equal('abc');
    });

    it('needs a name for its part', async () => {
      expect(await run([])).to.equal(EXIT.usage);
      expect(terminal.complaints).to.match(/--part: the part has no name; write --part NAME/);
    });
  });

  describe('the arguments', () => {
    const refused = async (...args: string[]): Promise<string> => {
      expect(await run(args)).to.equal(EXIT.usage);
      return terminal.complaints;
    };

    it('have names that can be', async () => {
      expect(await refused('--job', 'a/b', 'large')).to.match(
        /--job=a\/b: the name of the job has a slash in it/,
      );
      expect(await refused('--part', '..', 'large')).to.match(/--part=\.\.: the name of the part /);
      expect(server.requests).to.deep.equal([]);
    });

    it('have a number of retries', async () => {
      expect(await refused('--retries', 'many', 'large')).to.match(/--retries=many: must be a whole number/);
    });

    it('have a URL of a server', async () => {
      const line = parseCommandLine(
        ['send', '--url', 'localhost:3000', '--job', 'j', 'large'],
        directory.path,
      );
      const outcome = send(line, terminal).catch((error: Error) => error.message);
      expect(await outcome).to.match(/^--url=localhost:3000: must be http:\/\/HOST:PORT/);
    });

    it('have a file that can be read', async () => {
      const outcome = run(['missing']).catch((error: Error) => error.message);
      expect(await outcome).to.match(/missing: ENOENT/);
    });

    it('have a token, or the environment has', async () => {
      await run(['a b.log']);
      await run(['a b.log', '--token', 'abc']);
      terminal = new FakeTerminal(directory.path, { env: { HANDOVER_JOBS_TOKEN: 'def' } });
      await run(['a b.log']);
      expect([...server.tokens]).to.deep.equal([undefined, 'Bearer abc', 'Bearer def']);
    });
  });
});
