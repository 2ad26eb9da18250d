import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { Journal, type JournalEntry, type StoredRecord } from '../../../src/jobs/journal.js';
import { TestDirectory } from '../../helpers/directory.js';

const CREATED: JournalEntry = { is: 'created', atMs: 1, options: { reducer: 'concat', order: 'name' } };

function part(name: string, bytes: number): JournalEntry {
  return { is: 'part', name, bytes, sha256: 'ab', isInline: true };
}

describe('jobs/journal', () => {
  const sandbox = new TestDirectory();
  after(() => sandbox.remove());

  async function read(path: string): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    const journal = await Journal.open(path, (record) => records.push(record));
    await journal?.close();
    return records;
  }

  async function written(name: string): Promise<string> {
    const path = sandbox.at(name);
    const journal = await Journal.create(path, [{ entry: CREATED }]);
    await journal.append([{ entry: part('a', 3), content: Buffer.from('abc') }, { entry: part('b', 0) }]);
    await journal.append([{ entry: { is: 'sealed', atMs: 2 } }]);
    await journal.close();
    return path;
  }

  it('gives back what was appended, and where contents are', async () => {
    const path = await written('whole');
    const records = await read(path);
    expect(records.map(({ entry }) => entry)).to.deep.equal([
      CREATED,
      part('a', 3),
      part('b', 0),
      { is: 'sealed', atMs: 2 },
    ]);
    const { contentOffset } = records[1]!;
    expect(readFileSync(path).toString('latin1', contentOffset, contentOffset + 3)).to.equal('abc');
  });

  it('goes on behind the last whole record, wherever a crash has cut it', async () => {
    const path = await written('cut');
    const whole = readFileSync(path);
    const counts = new Set<number>();
    for (let length = whole.length; length >= 0; length--) {
      writeFileSync(path, whole.subarray(0, length));
      const records: StoredRecord[] = [];
      const journal = await Journal.open(path, (record) => records.push(record));
      if (journal === undefined) {
        expect(records).to.deep.equal([]);
        continue;
      }
      await journal.append([{ entry: part('after', 1), content: Buffer.from('x') }]);
      await journal.close();
      const again = await read(path);
      expect(again.map(({ entry }) => entry)).to.deep.equal([
        ...records.map(({ entry }) => entry),
        part('after', 1),
      ]);
      counts.add(records.length);
    }
    expect([...counts].sort()).to.deep.equal([1, 2, 3, 4]);
  });

  it('takes nothing for a record whose bytes were changed', async () => {
    const path = await written('changed');
    const whole = readFileSync(path);
    const all = (await read(path)).length;
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x20;
      writeFileSync(path, changed);
      expect((await read(path)).length, `byte ${at}`).to.be.below(all);
    }
  });

  it('reads a journal that is longer than what is read at once', async () => {
    const path = sandbox.at('long');
    const journal = await Journal.create(path, [{ entry: CREATED }]);
    const content = Buffer.alloc(16 * 1024, 'x');
    for (let i = 0; i < 20; i++) {
      await journal.append(
        Array.from({ length: 10 }, (_, j) => ({ entry: part(`${i}-${j}`, 16_384), content })),
      );
    }
    await journal.close();
    expect(statSync(path).size).to.be.above(3 * 1024 * 1024);
    expect(await read(path)).to.have.length(201);
  });

  it('is none when there is no file, or nothing whole in it', async () => {
    expect(await Journal.open(sandbox.at('none'), () => undefined)).to.equal(undefined);
    const path = await written('emptied');
    truncateSync(path, 4);
    expect(await Journal.open(path, () => undefined)).to.equal(undefined);
    const other = sandbox.at('other');
    appendFileSync(other, 'something else, and longer than the line at the beginning');
    expect(await Journal.open(other, () => undefined)).to.equal(undefined);
  });
});
