/** PROXY as a user gets it wrong, and right: what `handover check` says, and how a server ends that cannot start. */
import { expect } from 'chai';
import { Sandbox } from '../helpers/sandbox.js';

describe('proxy: settings', () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = new Sandbox();
  });
  afterEach(() => sandbox.end());

  const configure = (...lines: string[]): void => {
    sandbox.directory.write('server.conf', ['DOCUMENT_ROOT=site', ...lines, ''].join('\n'));
  };

  for (const [what, lines, message] of [
    ['no URL', ['PROXY=/api'], /server\.conf:2: PROXY=\/api: must be \/PREFIX URL/],
    ['no prefix', ['PROXY=http://a'], /PROXY=http:\/\/a: must be \/PREFIX URL/],
    ['another scheme', ['PROXY=/api ftp://a'], /ftp:\/\/a is no http\(s\) URL/],
    ['a prefix twice', ['PROXY=/api http://a', 'PROXY=/api http://b'], /\/api has upstreams in two lines/],
    ['dots', ['PROXY=/../api http://a'], /no request has \/\.\.\/api in its path/],
    ['no time', ['PROXY_TIMEOUT_SECONDS=0'], /PROXY_TIMEOUT_SECONDS=0/],
    ['no connections', ['PROXY_MAX_CONNECTIONS=0'], /PROXY_MAX_CONNECTIONS=0/],
    ['a body below nothing', ['PROXY_MAX_BODY_MB=-1'], /PROXY_MAX_BODY_MB=-1/],
    ['another name', ['PROXI=/api http://a'], /PROXI.*(?:\n.*)?PROXY/],
  ] as const) {
    it(`are refused with ${what}, by check and by the server alike`, async () => {
      configure(...lines);
      const checked = await sandbox.run('check', '--config', 'server.conf');
      expect(checked.code).to.be.above(0);
      expect(checked.out + checked.err).to.match(message);
      const served = await sandbox.run('--config', 'server.conf', '--port', '0');
      expect(served.code).to.equal(checked.code);
      expect(served.err).to.match(message);
      expect(sandbox.leftovers).to.deep.equal([]);
    });
  }

  it('are taken from the file, and from flags', async () => {
    configure('PROXY=/api http://127.0.0.1:1', 'PROXY=/other https://[::1]:2/v1 http://localhost:3');
    expect((await sandbox.run('check', '--config', 'server.conf')).code).to.equal(0);
    const flags = await sandbox.run('check', '--proxy', '/a http://a', '--proxy', '/b http://b');
    expect([flags.code, flags.err]).to.deep.equal([0, '']);
  });
});
