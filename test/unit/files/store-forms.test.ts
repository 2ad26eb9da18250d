import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.js';
import { foundFile } from '../../helpers/fake-tasks.js';
import { Later } from '../../helpers/later.js';
import { REVALIDATE_MS, StoreBench } from '../../helpers/store-bench.js';

describe('files/store: compressed forms', () => {
  const TEXT = 'x'.repeat(5000);

  let bench: StoreBench;

  beforeEach(() => {
    bench = new StoreBench();
    bench.tasks.found.set('/a.txt', foundFile('/a.txt', TEXT));
  });

  it('are made once, kept, and found by the next request', async () => {
    const resource = await bench.file('/a.txt');
    const made = await Promise.all(
      Array.from({ length: 5 }, () => bench.store.withCoding(resource, 'html', 'br')),
    );
    expect(new Set(made).size).to.equal(1);
    expect(bench.tasks.compressions).to.deep.equal(['br']);
    expect((await bench.file('/a.txt')).variants.map(({ coding }) => coding)).to.deep.equal([
      'identity',
      'br',
    ]);
  });

  it('cost what they are', async () => {
    const resource = await bench.file('/a.txt');
    const before = bench.store.sizeBytes;
    await bench.store.withCoding(resource, 'html', 'br');
    expect(bench.store.sizeBytes).to.be.greaterThan(before + 2000);
  });

  it('of two kinds made at once are both kept', async () => {
    const resource = await bench.file('/a.txt');
    await Promise.all([
      bench.store.withCoding(resource, 'html', 'br'),
      bench.store.withCoding(resource, 'html', 'gzip'),
    ]);
    expect((await bench.file('/a.txt')).variants.map(({ coding }) => coding)).to.have.members([
      'identity',
      'br',
      'gzip',
    ]);
  });

  it('survive a look at the disk that found nothing new', async () => {
    await bench.store.withCoding(await bench.file('/a.txt'), 'html', 'br');
    bench.pass(REVALIDATE_MS);
    const { resource, state: how } = await bench.get('/a.txt');
    expect([how, resource.kind === 'file' && resource.variants.length]).to.deep.equal(['REVALIDATED', 2]);
  });

  it('made while the disk was being asked are neither lost nor made again', async () => {
    const resource = await bench.file('/a.txt');
    const gate = new Later<void>();
    bench.tasks.gate = gate.promise;
    const made = bench.store.withCoding(resource, 'html', 'br');
    bench.pass(REVALIDATE_MS);
    const answer = new Later<void>();
    bench.tasks.found.set('/a.txt', async () => {
      await answer.promise;
      return foundFile('/a.txt', TEXT);
    });
    const asked = bench.file('/a.txt');
    gate.resolve();
    await made;
    answer.resolve();
    const revalidated = await asked;
    expect(revalidated.variants.map(({ coding }) => coding)).to.deep.equal(['identity', 'br']);
    expect(bench.fresh('/a.txt'), 'believed anew').to.equal(revalidated);
  });

  it('are never there twice', async () => {
    const resource = await bench.file('/a.txt');
    await bench.store.withCoding(resource, 'html', 'br');
    const again = await bench.store.withCoding(resource, 'html', 'br');
    expect(again.variants.map(({ coding }) => coding)).to.deep.equal(['identity', 'br']);
  });

  it('of a file that has changed meanwhile do not come back', async () => {
    const resource = await bench.file('/a.txt');
    const gate = new Later<void>();
    bench.tasks.gate = gate.promise;
    const made = bench.store.withCoding(resource, 'html', 'br');
    bench.tasks.found.set('/a.txt', foundFile('/a.txt', 'changed', 2));
    bench.pass(REVALIDATE_MS);
    await bench.get('/a.txt');
    gate.resolve();
    expect((await made).variants, 'for the request that asked').to.have.lengthOf(2);
    const kept = bench.fresh('/a.txt');
    expect(kept?.kind === 'file' && kept.variants[0]!.body!.toString()).to.equal('changed');
  });

  it('are made a few at a time, also behind one that fails', async () => {
    bench = new StoreBench({ maxCompressions: 2 });
    const gates = Array.from({ length: 5 }, () => new Later<void>());
    const made = gates.map(async (gate, n) => {
      bench.tasks.found.set(`/${n}`, foundFile(`/${n}`, TEXT));
      const resource = await bench.file(`/${n}`);
      bench.tasks.gate = gate.promise;
      return bench.store.withCoding(resource, 'html', 'br');
    });
    await eventually(
      () => bench.tasks.compressions.length === 2 || undefined,
      () => 'two begin',
    );
    gates[0]!.reject(new Error('no memory'));
    expect(await made[0]!.catch(({ message }) => message)).to.equal('no memory');
    expect(bench.tasks.compressions).to.have.lengthOf(3);
    for (const gate of gates) gate.resolve();
    for (const resource of await Promise.all(made.slice(1))) expect(resource.variants).to.have.lengthOf(2);
    expect(bench.tasks.compressions).to.have.lengthOf(5);
  });

  it('are not waited for behind many others', async () => {
    const gate = new Later<void>();
    bench.tasks.gate = gate.promise;
    const ask = async (n: number) => {
      bench.tasks.found.set(`/${n}`, foundFile(`/${n}`, TEXT));
      return bench.store.withCoding(await bench.file(`/${n}`), 'html', 'br');
    };
    const waiting = Array.from({ length: 64 }, (_, n) => ask(n));
    expect((await ask(64)).variants).to.have.lengthOf(1);
    gate.resolve();
    for (const resource of await Promise.all(waiting)) expect(resource.variants).to.have.lengthOf(2);
    expect((await ask(64)).variants).to.have.lengthOf(2);
  });

  it('that do not fit the cache leave the file in it, and are not made again', async () => {
    bench = new StoreBench({ maxBytes: 16_000 });
    bench.tasks.found.set('/a.txt', foundFile('/a.txt', 'x'.repeat(5000)));
    const large = await bench.store.withCoding(await bench.file('/a.txt'), 'html', 'br');
    expect(large.variants, 'for who has waited').to.have.lengthOf(2);
    expect(await bench.state('/a.txt')).to.equal('HIT');
    expect([...(await bench.file('/a.txt')).useless]).to.deep.equal(['br']);
  });

  it('that save nothing are remembered as such', async () => {
    bench.tasks.ratio = 1;
    await bench.store.withCoding(await bench.file('/a.txt'), 'html', 'br');
    const kept = await bench.file('/a.txt');
    expect([kept.variants.length, [...kept.useless]]).to.deep.equal([1, ['br']]);
  });

  it('that cannot be made now may be made later', async () => {
    const resource = await bench.file('/a.txt');
    bench.tasks.gate = Promise.reject(new Error('full'));
    const failed = await bench.store
      .withCoding(resource, 'html', 'br')
      .catch((error: Error) => error.message);
    expect(failed).to.equal('full');
    bench.tasks.gate = Promise.resolve();
    expect((await bench.store.withCoding(resource, 'html', 'br')).variants).to.have.lengthOf(2);
  });
});
