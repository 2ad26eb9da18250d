import { readdirSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { LargeBodies, type LargeBody } from '../../../src/shared-cache/large-bodies.js';
import { TestDirectory } from '../../helpers/directory.js';

describe('shared-cache/large-bodies', () => {
  let directory: TestDirectory;
  let bodies: LargeBodies;
  let used: Set<LargeBody>;
  const evicted: LargeBody[] = [];

  beforeEach(() => {
    directory = new TestDirectory();
    used = new Set();
    evicted.length = 0;
    bodies = new LargeBodies({
      directory: directory.path,
      maxBytes: 100,
      takeUse: (body) => used.delete(body),
      evict: (body) => {
        evicted.push(body);
        body.release();
      },
    });
  });
  afterEach(() => directory.remove());

  function stored(text: string): LargeBody {
    const body = bodies.make();
    expect(body.append(Buffer.from(text))).to.equal(true);
    body.seal();
    body.touch();
    return body;
  }

  it('are files for this user alone, for as long as they are stored', () => {
    const body = stored('content');
    expect(readdirSync(directory.path)).to.deep.equal([`body-${body.number}`]);
    expect(statSync(directory.at(`body-${body.number}`)).mode & 0o777).to.equal(0o600);
    const content = body.open();
    body.release();
    body.release();
    expect([readdirSync(directory.path), bodies.bytes]).to.deep.equal([[], 0]);
    const bytes = Buffer.alloc(7);
    expect([content.read(0, bytes), bytes.toString()]).to.deep.equal([true, 'content']);
    content.close();
  });

  it('never have the number of another', () => {
    const first = stored('a');
    first.release();
    expect(stored('b').number).not.to.equal(first.number);
  });

  it('give way when there is need of room, but for those that were used, once', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((text) => stored(text.repeat(30)));
    used.add(a!);
    const incoming = bodies.make();
    expect(incoming.append(Buffer.alloc(30))).to.equal(true);
    expect(evicted).to.deep.equal([b]);
    expect(incoming.append(Buffer.alloc(60))).to.equal(true);
    expect(evicted).to.deep.equal([b, c, a]);
    expect(incoming.append(Buffer.alloc(11)), 'there is only so much').to.equal(false);
    incoming.release();
    expect([readdirSync(directory.path), bodies.bytes]).to.deep.equal([[], 0]);
  });

  it('give way though all of them are used all the time', () => {
    const all = ['a', 'b', 'c'].map((text) => stored(text.repeat(30)));
    for (const body of all) used.add(body);
    used.delete = (body) => used.has(body);
    expect(bodies.make().append(Buffer.alloc(30))).to.equal(true);
    expect(evicted).to.have.length(1);
  });
});
