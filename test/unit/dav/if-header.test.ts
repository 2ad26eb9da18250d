import { expect } from 'chai';
import { holds, parseIf, type ResourceState, submittedTokens } from '../../../src/dav/if-header.js';

const A = 'urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2';
const B = 'urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092';

async function evaluate(value: string, states: Readonly<Record<string, Partial<ResourceState>>> = {}) {
  const asked: string[] = [];
  const result = await holds(parseIf(value)!, async (resource = '') => {
    asked.push(resource);
    return { etag: undefined, tokens: [], ...states[resource] };
  });
  return { result, asked };
}

describe('the If header', () => {
  for (const value of [
    '',
    '()',
    `<${A}>`,
    `(${A})`,
    `(<${A}>`,
    `<http://a/> <http://b/> (<${A}>)`,
    `(<${A}>) </b> (<${B}>)`,
    '([etag])',
    '(["a" "b"])',
    `(Not)`,
    `(Nothing <${A}>)`,
    `(<${A}>) x`,
  ]) {
    it(`refuses ${value === '' ? 'nothing' : value}`, () => {
      expect(parseIf(value)).to.equal(undefined);
    });
  }

  it('one list must hold, and all in it', async () => {
    const states = { '': { etag: '"e"', tokens: [A] } };
    expect((await evaluate(`(<${A}> ["e"])`, states)).result).to.equal(true);
    expect((await evaluate(`(<${A}> ["f"])`, states)).result).to.equal(false);
    expect((await evaluate(`(<${A}> ["f"]) (["e"])`, states)).result).to.equal(true);
    expect((await evaluate(`(<${B}>)`, states)).result).to.equal(false);
    expect((await evaluate(`(Not <${B}> not ["f"])`, states)).result).to.equal(true);
    expect((await evaluate(`(Not <${A}>)`, states)).result).to.equal(false);
  });

  it('DAV:no-lock never holds', async () => {
    expect((await evaluate('(<DAV:no-lock>)')).result).to.equal(false);
    expect((await evaluate('(Not <DAV:no-lock>)')).result).to.equal(true);
  });

  it('a weak tag never matches, and none does where there is no file', async () => {
    expect((await evaluate('([W/"e"])', { '': { etag: '"e"' } })).result).to.equal(false);
    expect((await evaluate('(["e"])')).result).to.equal(false);
  });

  it('a tag names the resource of all lists behind it', async () => {
    const value = `</a> (<${A}>) (["x"])\t<http://h/b>(<${B}>)`;
    const { result, asked } = await evaluate(value, { 'http://h/b': { tokens: [B] } });
    expect(result).to.equal(true);
    expect(asked).to.deep.equal(['/a', '/a', 'http://h/b']);
  });

  it('says which tokens were submitted', () => {
    const lists = parseIf(`</a> (<${A}> ["x"]) </b> (Not <${B}>)`)!;
    expect([...submittedTokens(lists)]).to.deep.equal([A, B]);
  });
});
