import { expect } from 'chai';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { get } from '../../../src/cli/get.js';
import { EXIT } from '../../../src/errors.js';
import { GetFileServer, ok } from '../../helpers/getfile-server.js';

describe('cli/get', () => {
  let server: GetFileServer;
  let out = '';
  let err = '';
  beforeEach(async () => {
    out = '';
    err = '';
    server = await GetFileServer.start((socket, path) => socket.end(ok(path)));
  });
  afterEach(() => server.close());

  const run = (isInteractive: boolean) => {
    const line = parseCommandLine(['get', server.address, '/a', '--requests', '10'], '/');
    return get(line, {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      columns: 60,
      colour: false,
      isInteractive,
      env: {},
      cwd: '/',
    });
  };

  it('shows on a terminal how far it is, and removes that in the end', async () => {
    expect(await run(true)).to.equal(EXIT.ok);
    const shown = err.split('\r\u001b[K');
    expect(shown[1]).to.match(/^\[-{24}\] 0 % {2}0 of 10 /);
    expect(shown.at(-1)).to.equal('');
    expect(shown.filter((line) => line.length > 59)).to.deep.equal([]);
    expect(out).to.match(/^ +4 +10 +0 +20 B /m);
  });

  it('shows nothing of the kind elsewhere', async () => {
    expect(await run(false)).to.equal(EXIT.ok);
    expect(err).to.equal('');
  });

  it('leaves no listener of signals behind', async () => {
    const before = process.listenerCount('SIGINT');
    await run(false);
    expect(process.listenerCount('SIGINT')).to.equal(before);
  });
});
