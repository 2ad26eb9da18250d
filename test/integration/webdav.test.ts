/** WebDAV as clients see it, where litmus does not look: time, other clients, restarts, and what is refused. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { elementIn, elementsIn, parseXml, textOf } from '../../src/dav/xml.js';
import type { RawResponse } from '../helpers/raw-response.js';
import type { TestServer } from '../helpers/server.js';
import { put, until, writableServer } from '../helpers/writing.js';

const LOCK =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>ada</D:owner></D:lockinfo>';
const NOBODY = 'urn:uuid:00000000-0000-4000-8000-000000000000';

function propertyUpdate(value: string): string {
  return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><color xmlns="urn:x">${value}</color></D:prop></D:set></D:propertyupdate>`;
}

describe('WebDAV', () => {
  let server: TestServer;
  before(async () => {
    server = await writableServer({ WEBDAV: 'on', CACHE_MAX_FILE_KB: '64' }, true);
  });
  after(() => server?.stop());

  function ask(
    method: string,
    target: string,
    fields: Readonly<Record<string, string>> = {},
    body = '',
  ): Promise<RawResponse> {
    return server.request(
      method,
      target,
      { 'Content-Length': String(Buffer.byteLength(body)), ...fields },
      body,
    );
  }
  const lock = (target: string, fields = {}) =>
    ask('LOCK', target, { Depth: '0', Timeout: 'Second-600', ...fields }, LOCK);
  const tokenOf = (response: RawResponse): string => response.field('lock-token')!.slice(1, -1);
  const write = (target: string, content: string, token?: string) =>
    put(server, target, content, token === undefined ? {} : { If: `(<${token}>)` });

  /** A property of each resource that is told of, by its path. */
  async function property(
    target: string,
    name: string,
    depth = '0',
    ns = 'DAV:',
  ): Promise<Record<string, string>> {
    const body = `<propfind xmlns="DAV:"><prop><a:${name} xmlns:a="${ns}"/></prop></propfind>`;
    const response = await ask('PROPFIND', target, { Depth: depth }, body);
    expect(response.status).to.equal(207);
    const told = elementsIn(parseXml(response.body), 'response').map((of) => {
      const propstat = elementIn(of, 'propstat')!;
      const isThere = textOf(elementIn(propstat, 'status')!).includes(' 200 ');
      return [textOf(elementIn(of, 'href')!), isThere ? textOf(elementIn(propstat, 'prop')!) : ''];
    });
    return Object.fromEntries(told);
  }
  const color = (target: string) =>
    property(target, 'color', '0', 'urn:x').then((told) => Object.values(told)[0]);

  it('says what it is, and leaves CORS to others', async () => {
    const told = await ask('OPTIONS', '/');
    expect([told.status, told.field('dav'), told.field('ms-author-via')]).to.deep.equal([200, '1, 2', 'DAV']);
    expect(told.field('allow')).to.contain('PROPFIND').and.contain('UNLOCK');
    const preflight = await ask('OPTIONS', '/', {
      'Access-Control-Request-Method': 'PUT',
      Origin: 'http://x',
    });
    expect(preflight.field('dav')).to.equal(undefined);
  });

  it('gives the entity tags that GET gives', async () => {
    for (const [name, bytes] of [
      ['/small.txt', 10],
      ['/large.bin', 100_000],
    ] as const) {
      const made = await put(server, name, 'x'.repeat(bytes));
      const etag = made.field('etag')!;
      expect((await server.get(name)).field('etag')).to.equal(etag);
      expect(await property(name, 'getetag')).to.deep.equal({ [name]: etag });
      expect((await put(server, name, 'y', { If: `([${etag}])` })).status).to.equal(204);
      expect((await put(server, name, 'z', { If: `([${etag}])` })).status).to.equal(412);
    }
  });

  it('shows nothing of its own, and nothing hidden', async () => {
    await ask('PROPPATCH', '/small.txt', {}, propertyUpdate('red'));
    server.site.file('.hidden', '');
    const paths = Object.keys(await property('/', 'resourcetype', '1'));
    expect(paths).to.include('/small.txt');
    expect(paths.filter((path) => path.includes('/.'))).to.deep.equal([]);
    for (const path of ['/.handover/', '/.handover/properties', '/.hidden', '/%2e%2e/']) {
      expect((await ask('PROPFIND', path, { Depth: '0' })).status, path).to.equal(404);
    }
    expect((await lock('/.handover/x')).status).to.equal(404);
  });

  it('tells of a tree as a whole only when it is small', async () => {
    mkdirSync(server.site.at('many/deep'), { recursive: true });
    for (let i = 0; i < 10_000; i++) writeFileSync(server.site.at(`many/deep/${i}`), '');
    const deep = await ask('PROPFIND', '/many/', {});
    expect(deep.status).to.equal(403);
    expect(deep.text).to.contain('propfind-finite-depth');
    expect(Object.keys(await property('/many/deep/', 'resourcetype', '1'))).to.have.length(10_001);
  });

  it('refuses what makes no sense, and connections go on', async () => {
    const refused: [string, Record<string, string>, string, number][] = [
      [
        'PROPFIND',
        {},
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop>&b;</prop></propfind>',
        400,
      ],
      ['PROPFIND', {}, '<propfind', 400],
      ['PROPFIND', { Depth: '2' }, '', 400],
      ['PROPFIND', {}, `<propfind xmlns="DAV:">${' '.repeat(70_000)}</propfind>`, 413],
      ['PROPPATCH', {}, '', 400],
      ['LOCK', { Depth: '1' }, LOCK, 400],
      ['LOCK', {}, '', 400],
      ['LOCK', {}, '<lockinfo xmlns="DAV:"/>', 400],
      ['UNLOCK', {}, '', 400],
      ['UNLOCK', { 'Lock-Token': `<${NOBODY}>` }, '', 409],
      ['PUT', { If: 'nonsense' }, 'x', 400],
    ];
    for (const [method, fields, body, status] of refused) {
      expect((await ask(method, '/small.txt', fields, body)).status, `${method} ${body}`).to.equal(status);
    }
    expect((await ask('PROPPATCH', '/nothing', {}, propertyUpdate('red'))).status).to.equal(404);
    expect((await lock('/no/directory')).status).to.equal(409);
  });

  describe('a lock', () => {
    it('keeps others from writing, and its owner not', async () => {
      await write('/other.txt', 'x');
      const made = await lock('/locked.txt');
      expect(made.status).to.equal(201);
      const token = tokenOf(made);
      expect((await server.get('/locked.txt')).text).to.equal('');
      const refused = await write('/locked.txt', 'no');
      expect(refused.status).to.equal(423);
      expect(refused.text).to.contain('lock-token-submitted').and.contain('/locked.txt');
      expect((await write('/locked.txt', 'no', NOBODY)).status).to.equal(412);
      expect((await put(server, '/locked.txt', 'no', { If: '(Not <DAV:no-lock>)' })).status).to.equal(423);
      expect((await ask('DELETE', '/locked.txt')).status).to.equal(423);
      expect((await ask('MOVE', '/locked.txt', { Destination: '/away.txt' })).status).to.equal(423);
      expect((await ask('MOVE', '/other.txt', { Destination: '/locked.txt' })).status).to.equal(423);
      expect((await ask('PROPPATCH', '/locked.txt', {}, propertyUpdate('red'))).status).to.equal(423);
      expect((await lock('/locked.txt')).status).to.equal(423);
      expect((await write('/locked.txt', 'yes', token)).status).to.equal(204);
      expect((await server.get('/locked.txt')).text).to.equal('yes');
      expect((await ask('UNLOCK', '/locked.txt', { 'Lock-Token': `<${token}>` })).status).to.equal(204);
      expect((await write('/locked.txt', 'all')).status).to.equal(204);
    });

    it('of a tree is in the way of what is below, and the other way round', async () => {
      mkdirSync(server.site.at('tree/sub'), { recursive: true });
      const below = tokenOf(await lock('/tree/sub/file'));
      const refused = await lock('/tree/', { Depth: 'infinity' });
      expect(refused.status).to.equal(207);
      expect(refused.text).to.contain('/tree/sub/file').and.contain('no-conflicting-lock');
      expect((await ask('DELETE', '/tree/')).status).to.equal(423);
      await ask('UNLOCK', '/tree/sub/file', { 'Lock-Token': `<${below}>` });
      const token = tokenOf(await lock('/tree/', { Depth: 'infinity' }));
      expect((await lock('/tree/sub/file')).status).to.equal(423);
      expect((await write('/tree/sub/new', 'x')).status).to.equal(423);
      expect((await write('/tree/sub/new', 'x', token)).status).to.equal(201);
      expect((await ask('DELETE', '/tree/', { If: `(<${token}>)` })).status).to.equal(204);
      expect((await ask('MKCOL', '/tree/')).status).to.equal(201);
      expect((await write('/tree/free', 'x')).status).to.equal(201);
    });

    it('goes by the file, whatever links lead to it', async () => {
      mkdirSync(server.site.at('real'), { recursive: true });
      symlinkSync('real', server.site.at('link'));
      const token = tokenOf(await lock('/real/file'));
      expect((await write('/link/file', 'x')).status).to.equal(423);
      expect((await write('/link/file', 'x', token)).status).to.equal(204);
      expect((await property('/link/', 'lockdiscovery', '1'))['/link/file']).to.contain(token);
    });

    it('ends by itself, unless it is refreshed', async () => {
      const brief = tokenOf(await lock('/brief', { Timeout: 'Second-1' }));
      const kept = tokenOf(await lock('/kept', { Timeout: 'Second-1' }));
      const refreshed = await ask('LOCK', '/kept', { If: `(<${kept}>)`, Timeout: 'Infinite, Second-9' });
      expect(refreshed.status).to.equal(200);
      expect(refreshed.text).to.match(/Second-3[56]\d\d</);
      await until(
        async () => (await write('/brief', 'x')).status === 204,
        () => 'the end of a lock',
      );
      expect((await write('/brief', 'y', brief)).status).to.equal(412);
      expect((await write('/kept', 'x')).status).to.equal(423);
    });

    it('is given to one of many who ask at once', async () => {
      for (let round = 0; round < 10; round++) {
        const replies = await Promise.all(Array.from({ length: 8 }, () => lock(`/race-${round}`)));
        const statuses = replies.map(({ status }) => status).sort();
        expect(statuses).to.deep.equal([201, ...Array(7).fill(423)]);
      }
    });

    it('is given to a tree or to something in it, when both ask at once', async () => {
      for (let round = 0; round < 20; round++) {
        mkdirSync(server.site.at(`both-${round}`));
        const inside = Array.from({ length: 4 }, (_, i) => lock(`/both-${round}/${i}`));
        const tree = await lock(`/both-${round}/`, { Depth: 'infinity' });
        const granted = (await Promise.all(inside)).filter(({ status }) => status === 201);
        if (tree.status === 200) expect(granted).to.have.length(0);
        else expect(granted).not.to.have.length(0);
      }
    });

    for (const [what, locked] of [
      ['file', 'file'],
      ['tree', ''],
    ] as const) {
      it(`of a ${what}, once it is granted, ends all writing by whoever asked before`, async () => {
        for (let round = 0; round < 20; round++) {
          const directory = `before-${what}-${round}`;
          mkdirSync(server.site.at(directory));
          const names = Array.from({ length: 6 }, (_, i) => `${directory}/file${locked === '' ? i : ''}`);
          for (const name of new Set(names)) await write(`/${name}`, 'old');
          const seen = (): string[] => names.map((name) => readFileSync(server.site.at(name), 'utf8'));
          const writers = names.map((name, i) => write(`/${name}`, `by ${i}`));
          expect((await lock(`/${directory}/${locked}`, { Depth: 'infinity' })).status).to.equal(200);
          const then = seen();
          await Promise.all(writers);
          expect(seen()).to.deep.equal(then);
        }
      });
    }
  });

  describe('properties', () => {
    it('go with their file', async () => {
      await write('/p', 'x');
      expect((await ask('PROPPATCH', '/p', {}, propertyUpdate('red &amp; blue'))).status).to.equal(207);
      expect(await color('/p')).to.equal('red & blue');
      await ask('COPY', '/p', { Destination: '/p2' });
      await ask('MOVE', '/p', { Destination: '/p3' });
      expect([await color('/p2'), await color('/p3')]).to.deep.equal(['red & blue', 'red & blue']);
      await write('/p', 'new');
      expect(await color('/p')).to.equal('');
      await ask('DELETE', '/p2');
      await write('/p2', 'new');
      expect(await color('/p2')).to.equal('');
      await write('/p3', 'changed');
      expect(await color('/p3')).to.equal('red & blue');
    });

    it('go with a directory that is moved', async () => {
      await ask('MKCOL', '/d/');
      await write('/d/x', 'x');
      await ask('PROPPATCH', '/d/x', {}, propertyUpdate('red'));
      await ask('PROPPATCH', '/d/', {}, propertyUpdate('blue'));
      await ask('MOVE', '/d/', { Destination: '/e/' });
      expect([await color('/e/'), await color('/e/x')]).to.deep.equal(['blue', 'red']);
      await ask('MKCOL', '/d/');
      await write('/d/x', 'x');
      expect([await color('/d/'), await color('/d/x')]).to.deep.equal(['', '']);
    });

    it('none is lost that many set at once', async () => {
      await write('/many-colors', 'x');
      const names = Array.from({ length: 16 }, (_, i) => `c${i}`);
      await Promise.all(
        names.map((name) =>
          ask('PROPPATCH', '/many-colors', {}, propertyUpdate(name).replaceAll('color', name)),
        ),
      );
      const all = await ask('PROPFIND', '/many-colors', { Depth: '0' });
      for (const name of names) expect(all.text).to.contain(`<${name} xmlns="urn:x">`);
    });
  });

  it('locks and properties are there after the server was killed', async () => {
    await write('/stays', 'x');
    await ask('PROPPATCH', '/stays', {}, propertyUpdate('red'));
    const token = tokenOf(await lock('/stays'));
    server.signal('SIGKILL');
    await server.restart();
    expect(await color('/stays')).to.equal('red');
    expect((await write('/stays', 'y')).status).to.equal(423);
    expect((await property('/stays', 'lockdiscovery'))['/stays'])
      .to.contain('ada')
      .and.contain(token);
    expect((await write('/stays', 'y', token)).status).to.equal(204);
  });
});

describe('WebDAV for some', () => {
  let server: TestServer;
  after(() => server?.stop());

  it('needs what writing needs, where writing is allowed', async () => {
    server = await writableServer({ WEBDAV: 'on', WRITABLE: '/up/**', WRITE_TOKEN: 'secret' });
    mkdirSync(server.site.at('up'));
    const ask = (method: string, target: string, fields = {}, body = '') =>
      server.request(method, target, { 'Content-Length': String(body.length), ...fields }, body);
    const shown = { Authorization: 'Bearer secret' };
    for (const method of ['PROPFIND', 'PROPPATCH', 'LOCK', 'UNLOCK']) {
      expect((await ask(method, '/up/x')).status, method).to.equal(401);
    }
    expect((await ask('OPTIONS', '/up/x')).field('dav')).to.equal('1, 2');
    expect((await ask('PROPFIND', '/', { ...shown, Depth: '1' })).status).to.equal(207);
    expect((await ask('LOCK', '/up/x', shown, LOCK)).status).to.equal(201);
    expect((await ask('LOCK', '/x', shown, LOCK)).status).to.equal(403);
    expect((await ask('PROPPATCH', '/index.html', shown, propertyUpdate('red'))).status).to.equal(403);
  });

  it('is not there unless it is turned on', async () => {
    await server?.stop();
    server = await writableServer();
    expect((await server.request('PROPFIND', '/', {})).status).to.equal(405);
    expect((await server.request('OPTIONS', '/', {})).field('dav')).to.equal(undefined);
  });
});
