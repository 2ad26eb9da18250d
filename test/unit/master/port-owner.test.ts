import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { describeCommand, findOwnerOfPort, listeningInodes } from '../../../src/master/port-owner.js';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 48213 1 0000 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 51002 1 0000 100 0 0 10 0
   2: 0100007F:0BB8 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 48999 1 0000 20 4 30 10 -1
   3: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 0:0 00:0 0 33 0 60001 1 0
`;

describe('master/port-owner', () => {
  it('finds the sockets that listen on a port, and no others', () => {
    expect(listeningInodes(TABLE, 3000)).to.deep.equal(['48213', '60001']);
    expect(listeningInodes(TABLE, 8080)).to.deep.equal(['51002']);
    expect(listeningInodes(TABLE, 0xc350)).to.deep.equal([]);
    expect(listeningInodes('', 3000)).to.deep.equal([]);
  });

  const commands: readonly [cmdline: string, name: string][] = [
    ['/usr/sbin/nginx\0-g\0daemon off;\0', 'nginx'],
    ['nginx: master process /usr/sbin/nginx -g daemon on;\0\0\0', 'nginx'],
    ['node\0--enable-source-maps\0/srv/app/server.js\0--port\x001\0', 'node server.js'],
    ['/usr/bin/python3.11\0-m\0http.server\0', 'python3.11 http.server'],
    ['node\0', 'node'],
    ["node\0-e\0require('net').createServer()\0", 'node'],
    ['', 'an unknown process'],
  ];
  for (const [cmdline, name] of commands) {
    it(`calls ${JSON.stringify(cmdline)} ${name}`, () => {
      expect(describeCommand(cmdline)).to.equal(name);
    });
  }

  for (const host of ['127.0.0.1', '::1']) {
    it(`names this process for a port it listens on (${host})`, async function () {
      if (process.platform !== 'linux') this.skip();
      const server = createServer().listen(0, host);
      try {
        await once(server, 'listening');
      } catch {
        // A machine without IPv6.
        this.skip();
      }
      const { port } = server.address() as AddressInfo;
      const owner = findOwnerOfPort(port);
      server.close();
      await once(server, 'close');
      expect(owner?.pid).to.equal(process.pid);
      expect(owner?.command).to.match(/^node /);
      expect(findOwnerOfPort(port)).to.equal(undefined);
    });
  }
});
