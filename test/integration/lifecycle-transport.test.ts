/** Which transport a server runs on, where native calls can be had and where not. */
import { expect } from 'chai';
import { EXIT } from '../../src/errors.js';
import { within } from '../helpers/eventually.js';
import { Sandbox, type SpawnedServer } from '../helpers/sandbox.js';
import { treeWithoutKoffi } from '../helpers/tree-without-koffi.js';

const NOTE =
  /^ +note +the native transport, which is faster, cannot be had here: koffi cannot be loaded: Cannot find module 'koffi'$/gm;

describe('the transport', () => {
  let sandbox: Sandbox;
  let main: string;

  beforeEach(() => {
    sandbox = new Sandbox();
    main = treeWithoutKoffi(sandbox.directory)('main.js');
    sandbox.directory.write('site/index.html', 'hello');
  });
  afterEach(() => sandbox.end());

  function start(transport: string, program?: string): SpawnedServer {
    const where = [sandbox.site, '--host', '127.0.0.1', '--port', '0', '--num-workers', '1'];
    return sandbox.spawn([...where, '--transport', transport], [], program);
  }

  async function expectServing(server: SpawnedServer): Promise<void> {
    const port = await server.ready();
    const response = await fetch(`http://127.0.0.1:${port}/index.html`, { headers: { connection: 'close' } });
    expect(await response.text()).to.equal('hello');
  }

  it('is native where native calls can be had, without a word about it', async () => {
    const server = start('auto');
    await expectServing(server);
    expect(server.out).to.match(/^ +Workers .*, native transport$/m);
    expect(server.out).not.to.match(/cannot be had/);
  });

  it('is portable where they cannot, and the banner says why in one line', async () => {
    const server = start('auto', main);
    await expectServing(server);
    expect(server.out).to.match(/^ +Workers .*, portable transport$/m);
    expect(server.out.match(NOTE), server.out).to.have.length(1);
    expect(server.err).to.equal('');
  });

  it('is portable where that is asked for, and the banner makes no excuse', async () => {
    const server = start('portable', main);
    await expectServing(server);
    expect(server.out).to.match(/^ +Workers .*, portable transport$/m);
    expect(server.out).not.to.match(/cannot be had/);
  });

  it('is not replaced where native is asked for: the server ends, with one line', async () => {
    const server = start('native', main);
    expect(await within(server.ended, () => 'the end of the server')).to.include({ code: EXIT.badConfig });
    expect(server.out).to.equal('');
    expect(server.err).to.match(
      /^handover: TRANSPORT=native cannot be had here: koffi cannot be loaded: Cannot find module 'koffi'; auto and portable can\n$/,
    );
    expect(sandbox.leftovers).to.deep.equal([]);
  });
});
