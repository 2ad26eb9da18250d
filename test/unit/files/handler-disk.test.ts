import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Found } from '../../../src/files/found.js';
import { lookup } from '../../../src/files/lookup.js';
import type { FileBody, Reply } from '../../../src/http/reply.js';
import { eventually, settled } from '../../helpers/eventually.js';
import { HandlerBench } from '../../helpers/handler-bench.js';
import { fieldOf } from '../../helpers/replies.js';
import { SiteTree } from '../../helpers/site-tree.js';

/** Bodies above this stay on disk. */
const MAX_BODY_BYTES = 100;
const TEXT = 'x'.repeat(1000);

describe('files/handler: files on disk', () => {
  let site: SiteTree;
  let bench: HandlerBench;
  let path: string;
  let replies: Reply[];

  beforeEach(async () => {
    site = new SiteTree();
    bench = new HandlerBench();
    replies = [];
    path = site.file('large.bin', TEXT);
    bench.tasks.found.set('/large.bin', ({ rawPath }) => found(rawPath));
    await settled(path);
  });

  afterEach(() => {
    for (const { body } of replies) if (body !== null && 'file' in body) body.file.close();
    site.remove();
  });

  function found(rawPath: string): Found {
    return lookup({ rawPath }, site.rules({ maxBodyBytes: MAX_BODY_BYTES }));
  }

  async function get(fields = {}): Promise<Reply> {
    const reply = await bench.get('/large.bin', fields);
    replies.push(reply);
    return reply;
  }

  /** Changes the file so that it can be told at once. */
  async function change(text: string): Promise<void> {
    writeFileSync(path, text);
    await settled(path);
  }

  const descriptors = (): number => readdirSync('/proc/self/fd').length;

  it('serve as error pages too, with the length they have', async () => {
    bench = new HandlerBench({ errorPages: [{ status: 404, path: '/large.bin' }] });
    bench.tasks.found.set('/large.bin', ({ rawPath }) => found(rawPath));
    for (const target of ['/none', '/none/either']) {
      const reply = await bench.get(target);
      replies.push(reply);
      expect([reply.status, fieldOf(reply, 'content-length')]).to.deep.equal([404, '1000']);
      expect((reply.body as FileBody).parts).to.deep.equal([{ offset: 0, length: 1000 }]);
    }
    expect(await bench.head('/none')).to.deep.include({ status: 404, body: null });
    await change('y');
    const reply = await bench.get('/none');
    expect([reply.status, Buffer.isBuffer(reply.body)]).to.deep.equal([404, true]);
    replies.push(await bench.get('/none'));
    expect(fieldOf(replies.at(-1)!, 'content-length')).to.equal('1');
  });

  it('are opened for each response, and looked up once', async () => {
    const bodies = [(await get()).body, (await get()).body] as FileBody[];
    expect(bodies.map(({ parts }) => parts)).to.deep.equal(new Array(2).fill([{ offset: 0, length: 1000 }]));
    expect(bodies[0]!.file).to.not.equal(bodies[1]!.file);
    expect(replies.map(({ cache }) => cache)).to.deep.equal(['MISS', 'HIT']);
    expect(bench.tasks.lookups).to.have.lengthOf(1);
  });

  it('are not opened for HEAD, 304, 412 and 416', async () => {
    const before = descriptors();
    const etag = fieldOf(await bench.head('/large.bin'), 'etag')!;
    const statuses = [
      await get({ 'If-None-Match': etag }),
      await get({ 'If-Match': '"x"' }),
      await get({ Range: 'bytes=1000-' }),
    ].map(({ status }) => status);
    expect(statuses).to.deep.equal([304, 412, 416]);
    expect(descriptors()).to.equal(before);
  });

  it('that changed since they were looked up are looked up again, and never mixed', async () => {
    await get();
    await change('y'.repeat(500));
    const reply = await get();
    expect([reply.status, fieldOf(reply, 'content-length'), reply.cache]).to.deep.equal([200, '500', 'MISS']);
    expect((reply.body as FileBody).parts).to.deep.equal([{ offset: 0, length: 500 }]);
  });

  it('that became small enough for memory are sent from there', async () => {
    await get();
    await change('small');
    const reply = await get();
    expect([reply.status, reply.body?.toString()]).to.deep.equal([200, 'small']);
  });

  it('that are gone are 404, and leave nothing open', async () => {
    await get();
    const before = descriptors();
    rmSync(path);
    expect((await get()).status).to.equal(404);
    await eventually(
      () => descriptors() === before || undefined,
      () => 'descriptors are closed',
    );
  });

  it('that never rest are 503 after a few tries, and leave nothing open', async () => {
    const before = descriptors();
    let versions = 0;
    bench.tasks.found.set('/large.bin', ({ rawPath }) => {
      const state = found(rawPath);
      // Changed as soon as it was looked at.
      writeFileSync(path, 'z'.repeat(1000 + ++versions));
      return state;
    });
    const reply = await get();
    expect([reply.status, fieldOf(reply, 'retry-after')]).to.deep.equal([503, '1']);
    expect(versions).to.be.within(2, 5);
    await eventually(
      () => descriptors() === before || undefined,
      () => 'descriptors are closed',
    );
  });

  it('are judged anew by the conditions of the request when they changed', async () => {
    const etag = fieldOf(await get(), 'etag')!;
    await change('y'.repeat(500));
    expect((await get({ Range: 'bytes=0-9', 'If-Range': etag })).status).to.equal(200);
  });

  it('change without being noticed for a while where no body is sent, and no longer', async () => {
    const etag = fieldOf(await get(), 'etag')!;
    await change('y'.repeat(500));
    expect((await get({ 'If-None-Match': etag })).status).to.equal(304);
    bench.pass(2000);
    expect((await get({ 'If-None-Match': etag })).status).to.equal(200);
    expect(statSync(path).size).to.equal(500);
  });
});
