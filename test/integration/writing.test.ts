/** Writing over HTTP, as clients see it: what is there afterwards, and what they are told. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import { expect } from 'chai';
import { residentBytes } from '../helpers/proc.js';
import type { TestServer } from '../helpers/server.js';
import { put, until, writableServer } from '../helpers/writing.js';

describe('writing', () => {
  let server: TestServer;
  before(async () => {
    server = await writableServer({ CACHE_MAX_FILE_KB: '64', WRITE_MAX_MB: '64' });
  });
  after(() => server?.stop());

  const read = (name: string): string => readFileSync(server.site.at(name), 'utf8');
  const copy = (method: string, from: string, to: string, fields = {}) =>
    server.request(method, from, { Destination: to, ...fields });

  describe('PUT', () => {
    for (const [what, content] of [
      ['nothing', ''],
      ['a little', 'hello'],
      ['more than is cached', 'x'.repeat(100_000)],
    ] as const) {
      it(`makes a file of ${what}, and replaces it`, async () => {
        const made = await put(server, `/${what.length}.txt`, content);
        expect(made.status).to.equal(201);
        expect(made.field('location')).to.equal(`/${what.length}.txt`);
        const got = await server.get(`/${what.length}.txt`);
        expect(got.text).to.equal(content);
        expect(got.field('etag')).to.equal(made.field('etag'));
        const replaced = await put(server, `/${what.length}.txt`, `${content}!`);
        expect(replaced.status).to.equal(204);
        expect(replaced.field('etag')).not.to.equal(made.field('etag'));
        const then = await server.get(`/${what.length}.txt`);
        expect(then.text).to.equal(`${content}!`);
        expect(then.field('etag')).to.equal(replaced.field('etag'));
      });
    }

    it('takes a body of unknown length', async () => {
      const client = await server.connect();
      const head = 'PUT /chunked.txt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
      const response = await client.exchange(`${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`, 'PUT');
      expect(response.status).to.equal(201);
      expect(read('chunked.txt')).to.equal('abcde');
      client.destroy();
    });

    it('keeps the permissions of what it replaces', async () => {
      const { chmodSync } = await import('node:fs');
      chmodSync(server.site.file('mode.sh', 'old'), 0o750);
      await put(server, '/mode.sh', 'new');
      expect(statSync(server.site.at('mode.sh')).mode & 0o777).to.equal(0o750);
    });

    it('changes nothing when its client goes', async () => {
      await put(server, '/kept.txt', 'old');
      const client = await server.connect();
      client.send('PUT /kept.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nnew');
      const spool = server.site.at('.handover/spool');
      await until(
        () => readdirSync(spool).length === 1,
        () => 'a body on its way',
      );
      client.destroy();
      await until(
        () => readdirSync(spool).length === 0,
        () => 'nothing of it',
      );
      expect(read('kept.txt')).to.equal('old');
    });

    it('refuses what is larger than WRITE_MAX_MB, before it comes where that was told', async () => {
      const announced = await server.request('PUT', '/large', { 'Content-Length': String(65 * 2 ** 20) });
      expect(announced.status).to.equal(413);
      const client = await server.connect();
      client.send('PUT /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
      const piece = Buffer.alloc(2 ** 20);
      for (let i = 0; i < 66; i++) client.send('100000\r\n').send(piece).send('\r\n');
      expect((await client.response('PUT')).status).to.equal(413);
      client.destroy();
      expect(existsSync(server.site.at('large'))).to.equal(false);
    });

    it('holds little of a large body in memory', async () => {
      const before = Math.max(...server.workerPids().map(residentBytes));
      const client = await server.connect();
      client.send(`PUT /big.bin HTTP/1.1\r\nHost: x\r\nContent-Length: ${60 * 2 ** 20}\r\n\r\n`);
      const piece = Buffer.alloc(2 ** 20, 'b');
      for (let i = 0; i < 60; i++) client.send(piece);
      expect((await client.response('PUT')).status).to.equal(201);
      client.destroy();
      expect(statSync(server.site.at('big.bin')).size).to.equal(60 * 2 ** 20);
      expect(Math.max(...server.workerPids().map(residentBytes)) - before).to.be.below(50 * 2 ** 20);
    });

    for (const [target, status] of [
      ['/no/such/directory/x', 409],
      ['/made-directory', 409],
      ['/made-directory/', 409],
      ['/', 403],
      ['/.hidden', 403],
      ['/.handover/epoch', 404],
      ['/../x', 403],
      ['/%zz', 400],
    ] as const) {
      it(`answers ${status} to ${target}`, async () => {
        server.site.directory('made-directory');
        expect((await put(server, target, 'x')).status).to.equal(status);
      });
    }

    it('goes on with its connection after a refusal', async () => {
      const client = await server.connect();
      const request = (target: string) => `PUT ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx`;
      expect((await client.exchange(request('/no/where'), 'PUT')).status).to.equal(409);
      expect((await client.exchange(request('/somewhere'), 'PUT')).status).to.equal(201);
      client.destroy();
    });
  });

  describe('a part of a file', () => {
    it('is written at its place', async () => {
      await put(server, '/part.txt', '0123456789');
      const response = await put(server, '/part.txt', 'abc', { 'Content-Range': 'bytes 4-6/*' });
      expect(response.status).to.equal(204);
      const got = await server.get('/part.txt');
      expect(got.text).to.equal('0123abc789');
      expect(got.field('etag')).to.equal(response.field('etag'));
    });

    it('is appended', async () => {
      await put(server, '/log.txt', 'one\n');
      await put(server, '/log.txt', 'two\n', { 'Content-Range': 'bytes 4-7/*' });
      expect(read('log.txt')).to.equal('one\ntwo\n');
      const gap = await put(server, '/log.txt', 'x', { 'Content-Range': 'bytes 100-100/*' });
      expect(gap.status).to.equal(416);
      expect(gap.field('content-range')).to.equal('bytes */8');
    });

    it('can be the first one', async () => {
      expect((await put(server, '/first.txt', 'abc', { 'Content-Range': 'bytes 0-2/*' })).status).to.equal(
        201,
      );
      expect(read('first.txt')).to.equal('abc');
    });

    for (const range of ['bytes 0-9/*', 'bytes 3-1/*', 'lines 0-2/*']) {
      it(`is refused as ${range}`, async () => {
        expect((await put(server, '/part.txt', 'abc', { 'Content-Range': range })).status).to.equal(400);
      });
    }
  });

  describe('conditions', () => {
    it('keep two writers from undoing each other', async () => {
      const etag = (await put(server, '/shared.txt', 'a')).field('etag')!;
      expect((await put(server, '/shared.txt', 'b', { 'If-Match': etag })).status).to.equal(204);
      expect((await put(server, '/shared.txt', 'c', { 'If-Match': etag })).status).to.equal(412);
      expect(read('shared.txt')).to.equal('b');
    });

    it('make a file only where there is none', async () => {
      expect((await put(server, '/once.txt', 'a', { 'If-None-Match': '*' })).status).to.equal(201);
      expect((await put(server, '/once.txt', 'b', { 'If-None-Match': '*' })).status).to.equal(412);
    });

    it('replace a file only where there is one', async () => {
      expect((await put(server, '/none.txt', 'a', { 'If-Match': '*' })).status).to.equal(412);
      expect((await put(server, '/once.txt', 'c', { 'If-Match': '*' })).status).to.equal(204);
    });

    it('take the tag of a compressed form for the file', async () => {
      const text = 'all work and no play '.repeat(200);
      await put(server, '/packed.txt', text);
      const got = await server.get('/packed.txt', { 'Accept-Encoding': 'gzip' });
      expect(got.field('etag')).to.match(/-gzip"$/);
      const response = await put(server, '/packed.txt', 'new', { 'If-Match': got.field('etag')! });
      expect(response.status).to.equal(204);
    });

    it('take the tag of a compressed form that lies beside the file', async () => {
      server.site.file('form.js', 'x'.repeat(2000));
      server.site.file('form.js.br', brotliCompressSync('x'.repeat(2000)));
      const shown = await server.request('GET', '/form.js', { 'Accept-Encoding': 'br' });
      const etag = shown.field('etag')!;
      expect(etag).to.match(/-br"$/);
      expect((await put(server, '/form.js', 'a', { 'If-None-Match': etag })).status).to.equal(412);
      expect((await put(server, '/form.js', 'b', { 'If-Match': etag })).status).to.equal(204);
      expect((await put(server, '/form.js', 'c', { 'If-Match': etag })).status).to.equal(412);
    });

    it('tell large bodies apart that came at the same moment', async () => {
      const bodies = [...'abcdefgh'].map((letter) => letter.repeat(100_000));
      const replies = await Promise.all(bodies.map((body) => put(server, '/moment.bin', body)));
      expect(new Set(replies.map((reply) => reply.field('etag'))).size).to.equal(bodies.length);
    });

    it('hold when many write at once: nothing is lost', async () => {
      await put(server, '/count.txt', '0');
      const increment = async (): Promise<void> => {
        for (;;) {
          const got = await server.get('/count.txt');
          const fields = { 'If-Match': got.field('etag')! };
          const response = await put(server, '/count.txt', String(Number(got.text) + 1), fields);
          if (response.status === 204) return;
          expect(response.status).to.equal(412);
        }
      };
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let i = 0; i < 10; i++) await increment();
        }),
      );
      expect(read('count.txt')).to.equal('80');
    });
  });

  describe('DELETE', () => {
    it('removes a file, once', async () => {
      await put(server, '/gone.txt', 'x');
      expect((await server.request('DELETE', '/gone.txt')).status).to.equal(204);
      expect((await server.get('/gone.txt')).status).to.equal(404);
      expect((await server.request('DELETE', '/gone.txt')).status).to.equal(404);
    });

    it('removes a directory with all that is in it', async () => {
      server.site.file('tree/a/b.txt', 'b');
      server.site.file('tree/c.txt', 'c');
      expect((await server.get('/tree/a/b.txt')).text).to.equal('b');
      expect((await server.request('DELETE', '/tree/')).status).to.equal(204);
      expect((await server.get('/tree/a/b.txt')).status).to.equal(404);
      expect(existsSync(server.site.at('tree'))).to.equal(false);
    });
  });

  describe('MKCOL', () => {
    it('makes a directory', async () => {
      expect((await server.request('MKCOL', '/col/')).status).to.equal(201);
      expect((await put(server, '/col/x', 'x')).status).to.equal(201);
      expect((await server.request('MKCOL', '/col/')).status).to.equal(405);
      expect((await server.request('MKCOL', '/col/x')).status).to.equal(405);
      expect((await server.request('MKCOL', '/no/col')).status).to.equal(409);
      expect((await server.request('MKCOL', '/body', { 'Content-Length': '1' }, 'x')).status).to.equal(415);
    });
  });

  describe('COPY and MOVE', () => {
    it('copy a file', async () => {
      await put(server, '/from.txt', 'content');
      expect((await copy('COPY', '/from.txt', '/to.txt')).status).to.equal(201);
      expect((await copy('COPY', '/from.txt', 'http://test/to.txt')).status).to.equal(204);
      expect(read('to.txt') + read('from.txt')).to.equal('contentcontent');
    });

    it('move a file, also over another', async () => {
      await put(server, '/m1.txt', 'one');
      await put(server, '/m2.txt', 'two');
      await server.get('/m2.txt');
      expect((await copy('MOVE', '/m1.txt', '/m2.txt', { Overwrite: 'F' })).status).to.equal(412);
      expect((await copy('MOVE', '/m1.txt', '/m2.txt')).status).to.equal(204);
      expect((await server.get('/m2.txt')).text).to.equal('one');
      expect((await server.get('/m1.txt')).status).to.equal(404);
    });

    it('copy and move whole directories', async () => {
      server.site.file('dir/a/b.txt', 'b');
      expect((await copy('COPY', '/dir', '/dir2')).status).to.equal(201);
      expect(read('dir2/a/b.txt')).to.equal('b');
      expect((await copy('COPY', '/dir', '/dir3', { Depth: '0' })).status).to.equal(201);
      expect(readdirSync(server.site.at('dir3'))).to.deep.equal([]);
      expect((await server.get('/dir2/a/b.txt')).text).to.equal('b');
      expect((await copy('MOVE', '/dir2', '/dir3')).status).to.equal(204);
      expect((await server.get('/dir3/a/b.txt')).text).to.equal('b');
      expect((await server.get('/dir2/a/b.txt')).status).to.equal(404);
    });

    it('show nothing of what a link leads to that is not served', async () => {
      server.site.link('away.txt', '../outside.txt');
      const { writeFileSync } = await import('node:fs');
      writeFileSync(server.site.at('../outside.txt'), 'secret');
      expect((await server.get('/away.txt')).status).to.equal(404);
      expect((await copy('COPY', '/away.txt', '/here.txt')).status).to.equal(201);
      expect((await server.get('/here.txt')).status).to.equal(404);
      const part = await put(server, '/away.txt', 'x', { 'Content-Range': 'bytes 0-0/*' });
      expect(part.status).to.equal(409);
    });

    it('and DELETE take all of a directory, though others are writing into it', async () => {
      for (let i = 0; i < 5; i++) {
        await server.request('MKCOL', '/busy/');
        const writing = Array.from({ length: 8 }, (_, n) => put(server, `/busy/${n}`, 'x'));
        const deleted = await server.request('DELETE', '/busy/');
        expect(deleted.status).to.equal(204);
        const made = await Promise.all(writing);
        for (const { status } of made) expect(status).to.be.oneOf([201, 409]);
        for (let n = 0; n < 8; n++) {
          const { status } = await server.get(`/busy/${n}`);
          expect(status).to.equal(existsSync(server.site.at(`busy/${n}`)) ? 200 : 404);
        }
      }
    });

    for (const [from, to, status] of [
      ['/from.txt', '/from.txt', 403],
      ['/dir', '/dir/below', 409],
      ['/from.txt', '/no/such/place', 409],
      ['/nothing', '/somewhere-else', 404],
      ['/from.txt', 'http://elsewhere.example/x', 502],
      ['/from.txt', '', 400],
      ['/from.txt', '/.handover/x', 403],
    ] as const) {
      it(`answer ${status} for ${from} to ${to || 'nowhere'}`, async () => {
        server.site.file('dir/a/b.txt', 'b');
        server.site.file('from.txt', 'content');
        expect((await copy('MOVE', from, to)).status).to.equal(status);
      });
    }
  });

  it('shows nothing of what the server keeps for itself', async () => {
    expect((await server.get('/.handover/epoch')).status).to.equal(404);
    expect((await server.get('/.handover/')).status).to.equal(404);
  });

  it('sends a slow reader the version that it has begun, whole', async () => {
    const old = 'o'.repeat(8 * 2 ** 20);
    await put(server, '/slow.txt', old);
    const client = await server.connect();
    client.send('GET /slow.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.head();
    await put(server, '/slow.txt', 'new');
    const { bytes } = await client.rest();
    expect(bytes.toString()).to.equal(old);
  });

  describe('when all of that is done', () => {
    it('leaves nothing behind of what is done', async () => {
      await until(
        () =>
          ['spool', 'fence', 'trash'].every(
            (name) => readdirSync(server.site.at(`.handover/${name}`)).length === 0,
          ),
        () => 'empty directories',
      );
    });
  });
});

describe('writing, where not everybody may', () => {
  let server: TestServer | undefined;
  afterEach(() => server?.stop());

  it('needs the token', async () => {
    server = await writableServer({ WRITE_TOKEN: 'secret' });
    const refused = await put(server, '/x', 'x');
    expect(refused.status).to.equal(401);
    expect(refused.field('www-authenticate')).to.match(/Basic|Bearer/);
    expect((await put(server, '/x', 'x', { Authorization: 'Bearer wrong' })).status).to.equal(401);
    expect((await put(server, '/x', 'x', { Authorization: 'Bearer secret' })).status).to.equal(201);
    const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    expect((await put(server, '/x', 'y', { Authorization: basic })).status).to.equal(204);
    expect((await server.get('/x')).text).to.equal('y');
    expect((await server.request('GET', '/.handover/tokens')).status).to.equal(401);
  });

  it('takes nothing from pages of other sites', async () => {
    server = await writableServer();
    expect((await put(server, '/x', 'x', { Origin: 'http://evil.example' })).status).to.equal(403);
    const statusFor = async (host: string): Promise<number> => {
      const client = await server!.connect();
      const head = `PUT /x HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nContent-Length: 1\r\n\r\n`;
      const { status } = await client.exchange(`${head}x`, 'PUT');
      client.destroy();
      return status;
    };
    expect(await statusFor('localhost:3000')).to.equal(201);
    for (const host of ['127.0.0.1:3000', '[::1]:3000', 'site.localhost']) {
      expect(await statusFor(host)).to.equal(204);
    }
    // Its name leads to this machine by now.
    expect(await statusFor('evil.example:3000')).to.equal(403);
  });

  it('takes no directory as a whole that has more in it than WRITABLE says', async () => {
    server = await writableServer({ WRITABLE: '/mixed /mixed/*.md /elsewhere' });
    server.site.file('mixed/a.md', 'a');
    server.site.file('mixed/kept.cfg', 'kept');
    expect((await server.request('DELETE', '/mixed', {})).status).to.equal(403);
    const move = await server.request('MOVE', '/mixed', { Destination: '/elsewhere' });
    expect(move.status).to.equal(403);
    expect(readFileSync(server.site.at('mixed/kept.cfg'), 'utf8')).to.equal('kept');
  });

  it('is for the paths that WRITABLE says', async () => {
    server = await writableServer({ WRITABLE: '/upload/** /*.md' });
    server.site.directory('upload');
    server.site.directory('other');
    expect((await put(server, '/upload/x', 'x')).status).to.equal(201);
    expect((await put(server, '/notes.md', 'x')).status).to.equal(201);
    expect((await put(server, '/other/x', 'x')).status).to.equal(403);
    const move = await server.request('MOVE', '/upload/x', { Destination: '/other/x' });
    expect(move.status).to.equal(403);
  });

  it('does not lead out of the site over a link', async () => {
    server = await writableServer();
    server.site.link('out', '..');
    server.site.directory('real');
    server.site.link('alias', 'real');
    expect((await put(server, '/out/x', 'x')).status).to.equal(403);
    expect((await put(server, '/alias/x', 'x')).status).to.equal(201);
    expect(readFileSync(server.site.at('real/x'), 'utf8')).to.equal('x');
  });

  it('is off unless it is turned on', async () => {
    const { TestServer } = await import('../helpers/server.js');
    server = await TestServer.start();
    expect((await put(server, '/x', 'x')).status).to.equal(405);
    expect(existsSync(server.site.at('.handover'))).to.equal(false);
  });
});
