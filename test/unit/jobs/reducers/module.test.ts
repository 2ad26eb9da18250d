import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { moduleReducer } from '../../../../src/jobs/reducers/module.js';
import type { Emit, Reducer } from '../../../../src/jobs/reducers/reducer.js';
import { TestDirectory } from '../../../helpers/directory.js';
import { type Parts, reduced, refusal } from '../../../helpers/reduced.js';

const DOCS = new URL('../../../../../docs/jobs.md', import.meta.url);
const PARTS: Parts = { a: 'one', b: '', c: 'three' };

describe('jobs/reducers/module', () => {
  let directory: TestDirectory;
  beforeEach(() => {
    directory = new TestDirectory();
  });
  afterEach(() => directory.remove());

  function module(text: string, name = 'reduce.mjs'): (emit: Emit) => Promise<Reducer> {
    const path = directory.write(name, text);
    return (emit) => moduleReducer(path, 'the job', emit);
  }

  it('is told of everything, with one object for its job', async () => {
    const begin = module(`
      export async function init(job) { job.emit(job.name + ':'); job.said = []; }
      export async function add(chunk, part, job) { job.said.push(part + '+' + chunk); }
      export function endPart(part, job) { job.emit(job.said.splice(0).join() + '/' + part + ' '); }
      export function finish(job) { return new TextEncoder().encode('end'); }`);
    expect(await reduced(begin, PARTS, 2)).to.equal('the job:a+on,a+e/a /b c+th,c+re,c+e/c end');
    expect(await reduced(begin, { z: 'z' })).to.equal('the job:z+z/z end');
  });

  it('may keep the chunks', async () => {
    const begin = module(`
      export function init(job) { job.chunks = []; }
      export function add(chunk, part, job) { job.chunks.push(chunk); }
      export function finish(job) { return Buffer.concat(job.chunks); }`);
    expect(await reduced(begin, PARTS, 2)).to.equal('onethree');
  });

  const FINISHES = {
    'a generator': 'function* finish() { yield "a"; yield Buffer.from("b"); }',
    'an async generator': 'async function* finish() { yield "a"; yield "b"; }',
    'a promise of an array': 'async function finish() { return ["a", "b"]; }',
    'a string': 'function finish() { return "ab"; }',
  };
  for (const [what, text] of Object.entries(FINISHES)) {
    it(`may give ${what} at the end`, async () => {
      expect(await reduced(module(`export function add() {}\nexport ${text}`), PARTS)).to.equal('ab');
    });
  }

  it('needs no more than add, and gives nothing then', async () => {
    expect(await reduced(module('export function add() {}'), PARTS)).to.equal('');
  });

  it('may be a CommonJS module, or export an object by default', async () => {
    const body = '{ add(chunk, part, job) { job.emit(chunk); }, finish() { return "!"; } }';
    expect(await reduced(module(`module.exports = ${body};`, 'reduce.cjs'), PARTS)).to.equal('onethree!');
    expect(await reduced(module(`export default ${body};`), PARTS)).to.equal('onethree!');
  });

  it('is refused when it is no reducer', async () => {
    const path = directory.at('reduce.mjs');
    expect(await refusal(module(''), PARTS)).to.equal(`${path} exports no function "add"`);
    const begin = module('export function add() {}\nexport const finish = 3;', 'other.mjs');
    expect(await refusal(begin, PARTS)).to.equal(
      `${directory.at('other.mjs')} exports no function "finish", but something else`,
    );
    expect(await refusal(module('export function add( {', 'broken.mjs'), PARTS)).to.match(/^Unexpected/);
  });

  it('is as the example in the docs', async () => {
    const text = /```js\n(.*?)```/s.exec(readFileSync(DOCS, 'utf8'))?.[1] ?? '';
    const parts = { a: 'fine\nan ERROR\nERROR ü', b: 'no error' };
    for (const chunkBytes of [1, 100]) {
      expect(await reduced(module(text), parts, chunkBytes)).to.equal('a: an ERROR\na: ERROR ü\n2 errors\n');
    }
  });

  it('is told when it gives what is neither text nor bytes', async () => {
    const add = 'export function add(chunk, part, job)';
    const not = 'which is neither a string nor bytes (Uint8Array)';
    const of = (text: string, name: string): Promise<string> => refusal(module(text, name), PARTS);
    expect(await of(`${add} { job.emit(3); }`, 'emit.mjs')).to.equal(
      `emit was given a value of type number, ${not}`,
    );
    expect(await of(`${add} {}\nexport const finish = () => ({});`, 'object.mjs')).to.equal(
      `finish gave a value of type object, ${not}`,
    );
    expect(await of(`${add} {}\nexport const finish = () => ['a', null];`, 'list.mjs')).to.equal(
      `finish gave null, ${not}`,
    );
  });
});
