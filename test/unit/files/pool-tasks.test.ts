import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { codingsAvailable } from '../../../src/files/compress.js';
import { PoolTasks } from '../../../src/files/pool-tasks.js';
import { ThreadPool } from '../../../src/pool/pool.js';
import { SiteTree } from '../../helpers/site-tree.js';

describe('files/pool-tasks', () => {
  let site: SiteTree;
  let tasks: PoolTasks;
  beforeEach(() => {
    site = new SiteTree();
    tasks = newTasks();
  });
  afterEach(async () => {
    await tasks.close();
    site.remove();
  });

  function newTasks(overrides: { threads?: number; maxQueue?: number } = {}): PoolTasks {
    const rules = site.rules({ autoindex: true });
    return new PoolTasks({ rules, threads: 1, maxQueue: 100, onThreadError: () => undefined, ...overrides });
  }

  it('looks up in a thread, and moves the bodies here', async () => {
    site.file('a.css', 'a{}');
    site.file('a.css.gz', 'zipped');
    const found = await tasks.lookup({ rawPath: '/a.css' });
    if (found.kind !== 'file') throw new Error(found.kind);
    const bodies = found.variants.map(({ body }) => Buffer.from(body!.buffer as ArrayBuffer).toString());
    // The whole of its memory: what was copied, or cut out of more, would look different.
    expect(bodies).to.deep.equal(['a{}', 'zipped']);
    expect(tasks.counters).to.include({ tasks: 1, busy: 0, queued: 0 });
    expect(tasks.counters.busyUs).to.be.above(0);
  });

  it('keeps no copy of a body in the thread', async () => {
    site.file('a.css', 'a{}');
    site.file('a.css.gz', 'zipped');
    const pool = new ThreadPool<typeof import('./kept-tasks.js')>({
      entry: new URL('./kept-tasks.js', import.meta.url),
      threads: 1,
      maxQueue: 1,
      data: { rules: site.rules({ autoindex: true }) },
    });
    expect((await pool.run('lookup', { rawPath: '/a.css' })).kind).to.equal('file');
    expect(await pool.run('left', null)).to.deep.equal([0, 0]);
    expect((await pool.run('lookup', { rawPath: '/' })).kind).to.equal('listing');
    expect(await pool.run('left', null)).to.deep.equal([0, 0]);
    await pool.close();
  });

  it('answers with every kind there is', async () => {
    site.file('empty.css', '');
    site.directory('sub');
    const kind = async (rawPath: string) => (await tasks.lookup({ rawPath })).kind;
    expect(await kind('/empty.css')).to.equal('file');
    expect(await kind('/')).to.equal('listing');
    expect(await kind('/sub')).to.equal('redirect');
    expect(await kind('/none')).to.equal('missing');
    expect(await kind('/%')).to.equal('missing');
    const listing = await tasks.lookup({ rawPath: '/' });
    const known = listing.kind === 'listing' ? listing.identity : '';
    expect(await tasks.lookup({ rawPath: '/', known })).to.deep.equal({ kind: 'unchanged' });
  });

  it('compresses, and leaves the original where it is', async () => {
    const bytes = Buffer.from('text '.repeat(1000));
    expect(gunzipSync(await tasks.compress(bytes, 'gzip')).equals(bytes)).to.equal(true);
    expect(bytes.length).to.equal(5000);
    expect(tasks.codings).to.deep.equal(codingsAvailable());
  });

  it('is busy when too much waits, and when it is closed', async () => {
    const narrow = newTasks({ maxQueue: 0 });
    const first = narrow.lookup({ rawPath: '/none' });
    expect(await narrow.lookup({ rawPath: '/none' })).to.include({ kind: 'busy' });
    expect(await first).to.deep.equal({ kind: 'missing' });
    await narrow.close();
    const closed = await narrow.lookup({ rawPath: '/none' });
    expect(closed).to.deep.equal({ kind: 'busy', reason: 'the thread pool is closed' });
  });
});
