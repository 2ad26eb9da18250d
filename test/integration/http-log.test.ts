/** The access log of a running server: one whole line for each request, with what was asked and sent. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { TestServer } from '../helpers/server.js';

const COMBINED =
  /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "([^"\\]|\\.)*" \d{3} \d+ "([^"\\]|\\.)*" "([^"\\]|\\.)*" \d+\.\d{3} (-|[A-Z]+)$/;

describe('access log', () => {
  it('is in the combined format by default, with time and cache state', async () => {
    const server = await TestServer.start({ settings: { NUM_WORKERS: '1' } });
    try {
      server.site.file('a.txt', 'alpha');
      await server.get('/a.txt?q=1', { Referer: 'http://from.example/', 'User-Agent': 'Test/1.0 "quoted"' });
      await server.get('/a.txt');
      await server.get('/a.txt', { Range: 'bytes=0-1' });
      await server.request('HEAD', '/a.txt');
      await server.get('/missing\xfc"<>', { 'User-Agent': 'x' });
      const client = await server.connect();
      await client.exchange('nonsense\r\n\r\n', 'GET');
      client.destroy();
      const lines = await server.logLines(6);
      expect(lines).to.have.length(6);
      for (const line of lines) expect(line).to.match(COMBINED);
      const shown = lines.map((line) => line.replace(/^.*?\] /, '').replace(/ \d+\.\d{3} /, ' T '));
      expect(shown[0]).to.equal(
        '"GET /a.txt?q=1 HTTP/1.1" 200 5 "http://from.example/" "Test/1.0 \\x22quoted\\x22" T MISS',
      );
      expect(shown[1]).to.equal('"GET /a.txt HTTP/1.1" 200 5 "-" "-" T HIT');
      expect(shown[2]).to.equal('"GET /a.txt HTTP/1.1" 206 2 "-" "-" T HIT');
      expect(shown[3]).to.equal('"HEAD /a.txt HTTP/1.1" 200 0 "-" "-" T HIT');
      expect(shown[4]).to.match(/^"GET \/missing\\xFC\\x22<> HTTP\/1\.1" 404 \d+ "-" "x" T MISS$/);
      expect(shown[5]).to.match(/^"-" 400 \d+ "-" "-" T -$/);
    } finally {
      await server.stop();
    }
  });

  it('cannot be forged by a request', async () => {
    const server = await TestServer.start();
    try {
      // What would begin a line of its own is refused; what would end a quotation is escaped.
      await server.get('/"%0a127.0.0.1%20-%20-');
      const client = await server.connect();
      await client.exchange('GET / HTTP/1.1\r\nHost: x\r\nReferer: a\rb\r\n\r\n');
      client.destroy();
      const lines = await server.logLines(2);
      expect(lines).to.have.length(2);
      for (const line of lines) expect(line).to.match(COMBINED);
    } finally {
      await server.stop();
    }
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
