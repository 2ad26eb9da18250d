import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { Monitoring, type MonitoringSettings } from '../../../src/files/monitoring.js';
import type { Reply } from '../../../src/http/reply.js';
import { TestDirectory } from '../../helpers/directory.js';
import { fieldOf, textOf } from '../../helpers/replies.js';

const CLIENT = '127.0.0.1';

describe('files/monitoring', () => {
  let directory: TestDirectory;

  beforeEach(() => {
    directory = new TestDirectory({
      'site/stats/statFile.txt': '1,2,3,4,5,6\n',
      'site/stats/stats.json': '{}\n',
      'site/stats/metrics.txt': 'up 1\n',
      'outside/numbers.txt': '6,5,4,3,2,1\n',
      'outside/stats.json': '{"outside":true}\n',
      'dashboard/statsPage.html': '<title>page</title>',
    });
  });
  afterEach(() => directory.remove());

  function monitoring(overrides: Partial<MonitoringSettings> = {}): Monitoring {
    return new Monitoring({
      documentRoot: directory.at('site'),
      statsFile: directory.at('outside/numbers.txt'),
      statsAllow: ['127.0.0.1', '::1'],
      healthPath: '/healthz',
      dashboardRoot: directory.at('dashboard'),
      ...overrides,
    });
  }

  const inside = (overrides: Partial<MonitoringSettings> = {}): Monitoring =>
    monitoring({ statsFile: directory.at('site/stats/statFile.txt'), ...overrides });

  async function own(subject: Monitoring, path: string, address = CLIENT): Promise<Reply | undefined> {
    return subject.own(path, address, false);
  }

  async function fallback(subject: Monitoring, path: string, address = CLIENT): Promise<Reply | undefined> {
    return subject.fallback(path, address, false);
  }

  describe('the health check', () => {
    it('is always answered, to anyone', async () => {
      const reply = await own(monitoring(), '/healthz', '203.0.113.9');
      expect([reply?.status, reply && textOf(reply), reply?.monitoring]).to.deep.equal([200, 'ok\n', true]);
    });

    it('is not there when it is off', async () => {
      expect(await own(monitoring({ healthPath: '' }), '/healthz')).to.equal(undefined);
    });

    it('has no body for HEAD', async () => {
      const reply = await monitoring().own('/healthz', CLIENT, true);
      expect([reply?.body, fieldOf(reply!, 'content-length')]).to.deep.equal([null, '3']);
    });
  });

  describe('statistics outside the document root', () => {
    it('are served under their usual paths where the site has nothing', async () => {
      const subject = monitoring();
      expect(textOf((await fallback(subject, '/statFile.txt'))!)).to.equal('6,5,4,3,2,1\n');
      expect(textOf((await fallback(subject, '/stats.json'))!)).to.equal('{"outside":true}\n');
      expect(await own(subject, '/statFile.txt')).to.equal(undefined);
      expect(await fallback(subject, '/other')).to.equal(undefined);
    });

    it('are not stored by anyone, and not counted as the site', async () => {
      const reply = (await fallback(monitoring(), '/stats.json'))!;
      expect(reply).to.include({ status: 200, cache: '', monitoring: true });
      expect([fieldOf(reply, 'cache-control'), fieldOf(reply, 'content-type')]).to.deep.equal([
        'no-store',
        'application/json; charset=utf-8',
      ]);
    });

    it('are unavailable while there is no file yet, which is said plainly', async () => {
      const reply = (await fallback(monitoring(), '/metrics'))!;
      expect([reply.status, reply.monitoring]).to.deep.equal([503, true]);
      expect(textOf(reply)).to.include('ENOENT');
      expect(textOf(reply)).to.not.include(dirname(directory.path));
    });
  });

  describe('statistics within the document root', () => {
    it('are ours before the site is looked at, under the paths of their files', async () => {
      const subject = inside();
      expect(textOf((await own(subject, '/stats/statFile.txt'))!)).to.equal('1,2,3,4,5,6\n');
      expect(fieldOf((await own(subject, '/stats/metrics.txt'))!, 'content-type')).to.include(
        'version=0.0.4',
      );
      expect(await own(subject, '/statFile.txt')).to.equal(undefined);
    });

    it('are guarded however the path is spelled', async () => {
      const subject = inside({ statsAllow: ['192.0.2.1'] });
      const spellings = [
        '/stats/statFile.txt',
        '//stats//statFile.txt',
        '/./stats/./statFile.txt',
        '/x/../stats/statFile.txt',
        '/stats/%73tatFile.txt',
        '/%73tats/stat%46ile.txt',
        '/%2e/stats/statFile.txt',
      ];
      for (const path of spellings) expect((await own(subject, path))?.status, path).to.equal(403);
    });

    it('leave directories with similar names alone', async () => {
      const beside = monitoring({ statsFile: directory.at('site-stats/statFile.txt') });
      expect(await own(beside, '/../site-stats/statFile.txt')).to.equal(undefined);
      const dots = monitoring({ statsFile: directory.at('site/..stats/statFile.txt') });
      expect(await own(dots, '/..stats/statFile.txt')).to.not.equal(undefined);
    });

    it('follow the file when it has another name', async () => {
      directory.write('site/numbers.csv', '0\n');
      const subject = monitoring({ statsFile: directory.at('site/numbers.csv') });
      expect(textOf((await own(subject, '/numbers.csv'))!)).to.equal('0\n');
      expect(textOf((await fallback(subject, '/statFile.txt'))!)).to.equal('0\n');
    });
  });

  it('has the dashboard for everyone, as the page of a site', async () => {
    const reply = (await fallback(monitoring(), '/statsPage.html', '203.0.113.9'))!;
    expect([reply.status, textOf(reply), reply.monitoring ?? false]).to.deep.equal([
      200,
      '<title>page</title>',
      false,
    ]);
  });

  describe('who may see them', () => {
    const cases: readonly [
      allow: readonly string[],
      allowed: readonly string[],
      refused: readonly string[],
    ][] = [
      [['all'], ['203.0.113.9', '2001:db8::1', ''], []],
      [
        ['127.0.0.1'],
        ['127.0.0.1', '::ffff:127.0.0.1'],
        ['127.0.0.2', '::1', '', 'localhost', '::ffff:127.0.0.2'],
      ],
      [['10.0.0.0/8'], ['10.1.2.3', '::ffff:10.9.9.9'], ['11.0.0.1', '::ffff:11.0.0.1']],
      [['::1'], ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1']],
      [['2001:db8::/32'], ['2001:db8:1::5'], ['2001:db9::5', '10.0.0.1']],
      [['fe80::/10'], ['fe80::1', 'fe80::1%eth0'], ['fec0::1', 'fec0::1%eth0']],
      [['0.0.0.0/0'], ['203.0.113.9'], ['2001:db8::1', 'unix:']],
      [['127.0.0.0/8', '::1'], ['127.0.0.1'], ['unix:', '']],
      [
        ['unix:', '::1'],
        ['unix:', '::1'],
        ['127.0.0.1', ''],
      ],
    ];
    for (const [allow, allowed, refused] of cases) {
      it(`${allow.join()} lets in ${allowed.join(', ')}`, async () => {
        const subject = monitoring({ statsAllow: allow });
        for (const address of allowed)
          expect((await fallback(subject, '/stats.json', address))?.status, address).to.equal(200);
        for (const address of refused)
          expect((await fallback(subject, '/stats.json', address))?.status, address).to.equal(403);
      });
    }

    it('is said without saying what they are', async () => {
      const reply = (await fallback(monitoring(), '/stats.json', '203.0.113.9'))!;
      expect([reply.monitoring, fieldOf(reply, 'cache-control')]).to.deep.equal([true, 'no-store']);
      expect(textOf(reply)).to.include('STATS_ALLOW').and.to.not.include('outside');
    });
  });

  it('finds its files where a path has dots in it', async () => {
    const subject = monitoring({ statsFile: join(directory.at('site'), '../outside/numbers.txt') });
    expect(textOf((await fallback(subject, '/statFile.txt'))!)).to.equal('6,5,4,3,2,1\n');
  });
});
