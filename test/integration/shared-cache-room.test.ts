/** The cache process where shared memory is scarce, and whoever cannot have it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Fill } from '../../src/shared-cache/shared-cache.js';
import { bytesOf, CacheBed, MB, randomBytes } from '../helpers/shared-cache.js';

/** A file system of that size at a path; false where this user may mount none. */
function mountSmall(path: string, sizeMb: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('the shared cache with little shared memory', () => {
  let bed: CacheBed;
  let mounted: string | undefined;

  beforeEach(() => {
    bed = new CacheBed('mmap');
    mounted = undefined;
  });
  afterEach(() => {
    bed.server?.close();
    bed.server = undefined;
    if (mounted !== undefined) execFileSync('umount', ['-l', mounted]);
    bed.end();
  });

  function give(context: Mocha.Context, sizeMb: number): void {
    if (mountSmall(bed.directory.at('shm'), sizeMb)) mounted = bed.directory.at('shm');
    else {
      console.log('        skipped: this user may not mount a file system');
      context.skip();
    }
  }

  it('takes three quarters of it, and says so in one line', async function () {
    give(this, 16);
    await bed.serve({ maxBytes: 64 * MB });
    expect(bed.reports).to.have.length(1);
    expect(bed.reports[0]).to.match(/^the shared cache has 12 MB instead of 64 MB: .* has only 16 MB free/);
    const client = bed.client();
    await client.up();
    const fill = (await client.claim(bytesOf('k'), { seen: 0, waitMs: 0 })) as Fill;
    fill.write(randomBytes(100_000));
    expect(await fill.commit(bytesOf('h'))).to.equal(true);
  });

  it('keeps nothing where there is next to none, says so, and serves files', async function () {
    give(this, 2);
    bed.directory.write('site/a', 'hello');
    await bed.serve({ maxBytes: 64 * MB, root: bed.directory.at('site') });
    expect(bed.reports).to.have.length(1);
    expect(bed.reports[0]).to.match(/^no shared cache: .* has only \d MB free/);
    const client = bed.client();
    await client.up();
    expect(client.lookup(bytesOf('k'))).to.equal(undefined);
    expect(await client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 })).to.equal('none');
    expect((await client.openFile('/a'))?.bodyBytes).to.equal(5);
  });

  it('does without segments, and without large objects, when others have filled it', async function () {
    give(this, 16);
    await bed.serve({ maxBytes: 8 * MB });
    const first = bed.client();
    await first.up();
    const fill = (await first.claim(bytesOf('small'), { seen: 0, waitMs: 0 })) as Fill;
    fill.write(randomBytes(1000));
    expect(await fill.commit(bytesOf('h'))).to.equal(true);
    expect(() => writeFileSync(`${mounted}/others`, Buffer.alloc(20 * MB))).to.throw('ENOSPC');
    // The segment that there is goes on, a further worker gets none.
    const large = (await first.claim(bytesOf('large'), { seen: 0, waitMs: 0 })) as Fill;
    for (let i = 0; i < 3; i++) if (!large.write(randomBytes(MB))) await large.drained();
    expect(await large.commit(bytesOf('h'))).to.equal(false);
    const second = bed.client();
    await second.up();
    expect(second.lookup(bytesOf('small'))?.bodyBytes).to.equal(1000);
    expect(await second.open(bytesOf('small'))).to.equal(undefined);
    expect(bed.reports.filter((text) => text.includes('ENOSPC'))).to.have.length(2);
    const [directory] = readdirSync(mounted!).filter((name) => name.startsWith('handover-'));
    expect(readdirSync(`${mounted}/${directory}`)).to.deep.equal(['arena']);
  });
});

describe('the shared cache without shared memory', () => {
  it('says so in one line, and answers everything with nothing', async () => {
    const bed = new CacheBed('mmap');
    await bed.serve({ memoryRoot: bed.directory.at('none') });
    expect(bed.reports).to.have.length(1);
    expect(bed.reports[0]).to.match(/^no shared cache: ENOENT/);
    const client = bed.client();
    await client.up();
    expect(client.lookup(bytesOf('k'))).to.equal(undefined);
    expect(await client.open(bytesOf('k'))).to.equal(undefined);
    expect(await client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 })).to.equal('none');
    expect(await client.remove(bytesOf('k'))).to.equal(true);
    bed.end();
  });
});
