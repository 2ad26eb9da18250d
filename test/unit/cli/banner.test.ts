import { expect } from 'chai';
import { type BannerFacts, renderBanner, siteUrls } from '../../../src/cli/banner.js';
import { openerFor } from '../../../src/cli/browser.js';

const FACTS: BannerFacts = {
  version: '1.2.3',
  directory: '/srv/www',
  addresses: [{ host: '0.0.0.0', port: 3001 }],
  networkAddress: '192.168.1.5',
  dashboardPath: '/statsPage.html',
  workers: 2,
  threadsPerWorker: 4,
  transport: 'portable',
  configFile: 'server.conf',
  notes: ['port 3000 is taken by nginx (pid 12), using 3001'],
};

const EXPECTED = `
  handover 1.2.3

  Serving    /srv/www
  Local      http://localhost:3001/
  Network    http://192.168.1.5:3001/
  Dashboard  http://localhost:3001/statsPage.html
  Workers    2 with 4 threads each, portable transport
  Config     server.conf

  note  port 3000 is taken by nginx (pid 12), using 3001

`;

describe('cli/banner', () => {
  it('says where the site is and what serves it', () => {
    expect(renderBanner(FACTS, false)).to.equal(EXPECTED);
  });

  it('says the same in colours', () => {
    const coloured = renderBanner(FACTS, true);
    expect(coloured).not.to.equal(EXPECTED);
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).to.equal(EXPECTED);
  });

  it('leaves out what there is not', () => {
    const text = renderBanner(
      { ...FACTS, configFile: undefined, dashboardPath: undefined, notes: [] },
      false,
    );
    expect(text).not.to.match(/Config|Dashboard|note/);
  });

  const urls: readonly [
    host: string,
    port: number,
    local: string | undefined,
    network: string | undefined,
  ][] = [
    ['0.0.0.0', 3000, 'http://localhost:3000/', 'http://10.0.0.2:3000/'],
    ['::', 80, 'http://localhost/', 'http://10.0.0.2/'],
    ['127.0.0.1', 3000, 'http://127.0.0.1:3000/', undefined],
    ['::1', 3000, 'http://[::1]:3000/', undefined],
    ['192.168.1.5', 3000, undefined, 'http://192.168.1.5:3000/'],
    ['fe80::1', 3000, undefined, 'http://[fe80::1]:3000/'],
  ];
  for (const [host, port, local, network] of urls) {
    it(`makes URLs of ${host} port ${port}`, () => {
      expect(siteUrls({ host, port }, '10.0.0.2')).to.deep.equal({ local, network });
    });
  }

  it('knows no network without an address in one', () => {
    expect(siteUrls({ host: '0.0.0.0', port: 3000 }).network).to.equal(undefined);
  });

  it('opens the browser of each system', () => {
    expect(openerFor('linux', 'u')).to.deep.equal(['xdg-open', 'u']);
    expect(openerFor('darwin', 'u')).to.deep.equal(['open', 'u']);
    expect(openerFor('win32', 'u')).to.deep.equal(['cmd', '/c', 'start', '', 'u']);
  });

  it('says where a Unix-domain socket is, which no browser can be sent to', () => {
    const host = 'unix:/run/handover.sock';
    expect(siteUrls({ host, port: 0 })).to.deep.equal({ local: undefined, network: undefined });
    const text = renderBanner({ ...FACTS, addresses: [{ host, port: 0 }] }, false);
    expect(text)
      .to.match(/^ {2}Local +unix:\/run\/handover\.sock$/m)
      .and.to.not.match(/Dashboard|Network/);
  });

  it('says where GetFile and jobs are spoken, which is for no browser', () => {
    const addresses = [
      { host: '127.0.0.1', port: 3000 },
      { host: '::1', port: 3001, protocol: 'getfile' },
      { host: '127.0.0.1', port: 3002, protocol: 'jobs' },
    ] as const;
    expect(siteUrls(addresses[1])).to.deep.equal({ local: undefined, network: undefined });
    const text = renderBanner({ ...FACTS, addresses }, false);
    expect(text).to.match(
      /^ {2}Local +http:\/\/127\.0\.0\.1:3000\/\n {2}GetFile +\[::1\]:3001\n {2}Jobs +127\.0\.0\.1:3002$/m,
    );
  });

  it('gives https addresses their own scheme and default port', () => {
    const protocol = 'https';
    expect(siteUrls({ host: '0.0.0.0', port: 3443, protocol }, '192.0.2.7')).to.deep.equal({
      local: 'https://localhost:3443/',
      network: 'https://192.0.2.7:3443/',
    });
    expect(siteUrls({ host: '127.0.0.1', port: 443, protocol }).local).to.equal('https://127.0.0.1/');
  });
});
