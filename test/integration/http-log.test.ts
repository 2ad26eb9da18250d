/** The access log of a running server: one whole line for each request, with what was asked and sent. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { TestServer } from '../helpers/server.js';

const COMBINED =
  /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "([^"\\]|\\.)*" \d{3} \d+ "([^"\\]|\\.)*" "([^"\\]|\\.)*" \d+\.\d{3} (-|[A-Z]+)$/;

describe('access log', () => {
  describe('in the combined format, which is the default', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({ settings: { NUM_WORKERS: '1', CACHE_REVALIDATE_MS: '3600000' } });
      server.site.file('a.txt', 'alpha');
    });
    after(() => server?.stop());

    /** The lines that came since, from the request on, without what differs from one run to the next. */
    const linesSince = async (before: number, count: number) => {
      const lines = (await server.logLines(before + count)).slice(before);
      expect(lines).to.have.length(count);
      for (const line of lines) expect(line).to.match(COMBINED);
      return lines.map((line) => line.replace(/^.*?\] /, '').replace(/ \d+\.\d{3} /, ' T '));
    };

    it('says what was asked, by whom, and what was sent, with time and cache state', async () => {
      await server.get('/a.txt?q=1', { Referer: 'http://from.example/', 'User-Agent': 'Test/1.0' });
      await server.get('/a.txt');
      await server.get('/a.txt', { Range: 'bytes=0-1' });
      await server.request('HEAD', '/a.txt');
      const client = await server.connect();
      await client.exchange('nonsense\r\n\r\n', 'GET');
      client.destroy();
      const lines = await linesSince(0, 5);
      expect(lines.slice(0, 4)).to.deep.equal([
        '"GET /a.txt?q=1 HTTP/1.1" 200 5 "http://from.example/" "Test/1.0" T MISS',
        '"GET /a.txt HTTP/1.1" 200 5 "-" "-" T HIT',
        '"GET /a.txt HTTP/1.1" 206 2 "-" "-" T HIT',
        '"HEAD /a.txt HTTP/1.1" 200 0 "-" "-" T HIT',
      ]);
      expect(lines[4]).to.match(/^"-" 400 \d+ "-" "-" T -$/);
    });

    it('cannot be forged by a request', async () => {
      // What would begin a line of its own is refused; what would end a quotation is escaped.
      await server.get('/"%0a127.0.0.1%20-\xfc<>', { 'User-Agent': '"quoted" \\' });
      const client = await server.connect();
      await client.exchange('GET / HTTP/1.1\r\nHost: x\r\nReferer: a\rb\r\n\r\n');
      client.destroy();
      const [escaped, refused] = await linesSince(5, 2);
      expect(escaped).to.match(
        /^"GET \/\\x22%0a127\.0\.0\.1%20-\\xFC<> HTTP\/1\.1" 404 \d+ "-" "\\x22quoted\\x22 \\x5C" T BYPASS$/,
      );
      expect(refused).to.match(/^"GET \/ HTTP\/1\.1" 400 /);
    });

    it('says of a refused request what could be read of it', async () => {
      const long = 'x'.repeat(9000);
      let before = 7;
      for (const [request, logged] of [
        ['HEAD /none HTTP/3.0\r\n\r\n', /^"HEAD \/none HTTP\/3\.0" 505 0 "-" "-" T -$/],
        [`HEAD /${long} HTTP/1.1\r\n\r\n`, /^"HEAD \/x{8191}" 414 0 "-" "-" T -$/],
        ['GET /a\x01b HTTP/1.1\r\n\r\n', /^"GET \/a" 400 [1-9]\d* "-" "-" T -$/],
        [
          'GET /a HTTP/1.1\r\nUser-Agent: me\r\nHost: x\r\nHost: y\r\n\r\n',
          /^"GET \/a HTTP\/1\.1" 400 [1-9]\d* "-" "me" T -$/,
        ],
        [
          'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n',
          /^"POST \/a HTTP\/1\.1" 400 [1-9]\d* "-" "-" T -$/,
        ],
      ] as const) {
        const { bytes } = await (await server.connect()).send(request).rest();
        const isHead = request.startsWith('HEAD');
        expect(bytes.toString('latin1').endsWith('\r\n\r\n'), 'no body').to.equal(isHead);
        expect((await linesSince(before++, 1))[0]).to.match(logged);
      }
    });
  });

  it('is whole lines of all workers, as JSON too, and loses none when it is rotated', async () => {
    const server = await TestServer.start({ settings: { LOG_FORMAT: 'json' } });
    try {
      server.site.file('a.txt', 'alpha');
      const log = server.directory.at('access.log');
      const rotated = server.directory.at('access.log.1');
      const load = async (name: string) => {
        const clients = await Promise.all(Array.from({ length: 8 }, () => server.connect()));
        const work = clients.map(async (client, c) => {
          for (let n = 0; n < 100; n++) {
            await client.exchange(`GET /a.txt?${name}-${c}-${n} HTTP/1.1\r\nHost: x\r\n\r\n`);
          }
          client.destroy();
        });
        await Promise.all(work);
      };
      const first = load('first');
      renameSync(log, rotated);
      writeFileSync(log, '');
      server.signal('SIGUSR1');
      await first;
      await server.reported(/logs reopened/);
      await load('second');
      const lines = await eventually(
        async () => {
          const all = [...(await server.logLines(1)), ...linesOf(rotated)];
          return all.length >= 1600 ? all : undefined;
        },
        () => '1600 lines',
      );
      const targets = new Set(lines.map((line) => (JSON.parse(line) as { target: string }).target));
      expect(lines).to.have.length(1600);
      expect(targets.size).to.equal(1600);
    } finally {
      await server.stop();
    }
  });
});

function linesOf(path: string): string[] {
  return readFileSync(path, 'latin1').split('\n').slice(0, -1);
}
