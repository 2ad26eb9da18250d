import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { listenOrNext } from '../../../src/cli/listen.js';
import { EXIT, HandoverError } from '../../../src/errors.js';

function refusing(codes: Readonly<Record<number, string>>): (port: number) => Promise<number> {
  return async (port) => {
    const code = codes[port];
    if (code !== undefined) throw Object.assign(new Error(`${code}: refused`), { code });
    return port;
  };
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => error,
  );
}

describe('cli/listen', () => {
  const wanted = { host: '0.0.0.0', port: 3000, asked: false };

  it('takes the port that is wanted', async () => {
    expect(await listenOrNext(wanted, refusing({}))).to.deep.equal({ result: 3000, notes: [] });
  });

  it('takes the next free one when nobody asked for the port, and says so', async () => {
    const attempt = refusing({ 3000: 'EADDRINUSE', 3001: 'EADDRINUSE' });
    const { result, notes } = await listenOrNext(wanted, attempt);
    expect(result).to.equal(3002);
    expect(notes).to.have.lengthOf(1);
    expect(notes[0]).to.match(/^port 3000 is taken.*, using 3002$/);
  });

  it('gives up after a while', async () => {
    const error = await failure(listenOrNext(wanted, (port) => refusing({ [port]: 'EADDRINUSE' })(port)));
    expect(error).to.be.instanceOf(HandoverError);
  });

  const refusals: readonly [code: string, port: number, message: RegExp][] = [
    ['EADDRINUSE', 3000, /port 3000 is taken.*; choose another with --port/],
    ['EACCES', 80, /port 80 is not permitted: ports below 1024 are for root/],
    ['EADDRNOTAVAIL', 3000, /192\.0\.2\.1 is not an address of this machine/],
    ['ENOTFOUND', 3000, /the host 192\.0\.2\.1 has no address/],
    ['EAFNOSUPPORT', 3000, /cannot listen on 192\.0\.2\.1/],
  ];
  for (const [code, port, message] of refusals) {
    it(`explains ${code}`, async () => {
      const error = await failure(
        listenOrNext({ host: '192.0.2.1', port, asked: true }, refusing({ [port]: code })),
      );
      if (!(error instanceof HandoverError)) throw error;
      expect(error).to.include({ code, exitCode: EXIT.cannotListen });
      expect(error.message).to.match(message);
    });
  }

  it('passes on what explains itself, such as a socket that is taken', async () => {
    const asked: number[] = [];
    const taken = new HandoverError('EADDRINUSE', 'unix:/run/a.sock is taken', EXIT.cannotListen);
    const attempt = (port: number): Promise<never> => {
      asked.push(port);
      return Promise.reject(taken);
    };
    const socket = { host: 'unix:/run/a.sock', port: 3000, asked: false };
    expect(await failure(listenOrNext(socket, attempt))).to.equal(taken);
    expect(asked).to.deep.equal([3000]);
  });

  it('passes other errors on as they are', async () => {
    const defect = new TypeError('a defect');
    expect(await failure(listenOrNext(wanted, () => Promise.reject(defect)))).to.equal(defect);
  });

  describe('with a port that is really taken', () => {
    let server: Server;
    beforeEach(async () => {
      server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    afterEach(() => server.close());

    it('names the owner', async function () {
      if (process.platform !== 'linux') this.skip(); // only Linux says whose a port is
      const { port } = server.address() as AddressInfo;
      const attempt = async (wantedPort: number) => {
        const other = createServer().listen(wantedPort, '127.0.0.1');
        await once(other, 'listening');
      };
      const error = await failure(listenOrNext({ host: '127.0.0.1', port, asked: true }, attempt));
      expect(error).to.be.instanceOf(HandoverError);
      expect(String(error)).to.match(new RegExp(`port ${port} is taken by node .* \\(pid ${process.pid}\\)`));
    });
  });
});
