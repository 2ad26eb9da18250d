import { expect } from 'chai';
import { MergeJson } from '../../../../src/jobs/reducers/merge-json.js';
import { type Parts, reduced, refusal } from '../../../helpers/reduced.js';

const merged = (parts: Parts, chunkBytes?: number): Promise<string> =>
  reduced(() => new MergeJson(), parts, chunkBytes);
const refused = (parts: Parts): Promise<string> => refusal(() => new MergeJson(64), parts);

describe('jobs/reducers/merge-json', () => {
  it('merges objects in depth, appends arrays, and lets the later of others stand', async () => {
    const parts = {
      a: '{"n": 1, "deep": {"list": [1, {"x": 1}], "kept": null}, "kind": [1]}',
      b: ' {"deep": {"list": [2], "more": true}, "kind": {"not": "a list"}}\n',
      c: '{"n": "ü", "deep": {"list": []}}',
    };
    const expected =
      '{"n":"ü","deep":{"list":[1,{"x":1},2],"kept":null,"more":true},"kind":{"not":"a list"}}\n';
    for (const chunkBytes of [1, 1000]) expect(await merged(parts, chunkBytes)).to.equal(expected);
  });

  it('takes values that are no objects', async () => {
    expect(await merged({ a: '[1]', b: '[[2]]' })).to.equal('[1,[2]]\n');
    expect(await merged({ a: '1', b: 'null' })).to.equal('null\n');
    expect(await merged({ a: 'null', b: '{"a":1}' })).to.equal('{"a":1}\n');
    expect(await merged({})).to.equal('null\n');
  });

  it('keeps keys apart from what objects have of themselves', async () => {
    const parts = {
      a: '{"__proto__": {"a": 1}, "toString": 1, "in": {"constructor": {"x": 1}}}',
      b: '{"__proto__": {"b": 2}, "valueOf": 2, "in": {"constructor": {"y": 2}, "__proto__": 3}}',
    };
    expect(await merged(parts)).to.equal(
      '{"__proto__":{"a":1,"b":2},"toString":1,"in":{"constructor":{"x":1,"y":2},"__proto__":3},"valueOf":2}\n',
    );
    expect(({} as { b?: number }).b).to.equal(undefined);
  });

  it('refuses what is not JSON', async () => {
    expect(await refused({ a: '{}', b: '{"a": 1' })).to.match(/JSON/);
    expect(await refused({ a: '' })).to.match(/JSON/);
    expect(await refused({ a: Buffer.from('"\xe9"', 'latin1') })).to.match(/valid|utf-8/i);
  });

  it('refuses what is nested too deeply', async () => {
    expect(await refusal(() => new MergeJson(), { a: '['.repeat(1e5) + ']'.repeat(1e5) })).to.equal(
      'values are nested too deeply',
    );
  });

  it('refuses more than it may hold', async () => {
    const begin = (): MergeJson => new MergeJson(1024 * 1024);
    expect(await refusal(begin, { a: '[]', b: `"${'x'.repeat(1024 * 1024)}"` })).to.equal(
      'merge-json takes at most 1 MB in all parts of a job',
    );
  });
});
