import { expect } from 'chai';
import { Claim, type ClaimOutcome, Claims } from '../../../src/shared-cache/claims.js';

describe('Claims', () => {
  const owner = { name: 'a worker' };
  const other = { name: 'another' };
  let claims: Claims;
  let told: [string, ClaimOutcome][];

  beforeEach(() => {
    claims = new Claims();
    told = [];
  });

  function ask(who: string, from: object = owner, waitMs = 60_000): () => void {
    return claims.ask('k', from, waitMs, (outcome) => told.push([who, outcome]));
  }

  function granted(who: string): Claim {
    const claim = told.find(([name]) => name === who)?.[1];
    if (!(claim instanceof Claim)) throw new Error(`${who} was granted nothing`);
    return claim;
  }

  function outcomes(): string[] {
    return told.map(([who, outcome]) => `${who} ${outcome instanceof Claim ? 'granted' : outcome}`);
  }

  it('grants one, and tells the others when it is done', () => {
    for (const who of ['a', 'b', 'c']) ask(who);
    expect(outcomes()).to.deep.equal(['a granted']);
    claims.done(granted('a'));
    expect(outcomes()).to.deep.equal(['a granted', 'b done', 'c done']);
    ask('d');
    expect(outcomes().at(-1)).to.equal('d granted');
  });

  it('grants the next one when one fails, and the others wait for that', () => {
    for (const who of ['a', 'b', 'c']) ask(who);
    claims.abandon(granted('a'), 'failed');
    expect(outcomes()).to.deep.equal(['a granted', 'b granted']);
    claims.done(granted('b'));
    expect(outcomes().at(-1)).to.equal('c done');
  });

  it('lets all go at once when nothing is to be shared', () => {
    for (const who of ['a', 'b', 'c']) ask(who);
    claims.abandon(granted('a'), 'unshared');
    expect(outcomes()).to.deep.equal(['a granted', 'b none', 'c none']);
  });

  it('lets nobody wait who does not want to', () => {
    ask('a');
    ask('b', owner, 0);
    expect(outcomes()).to.deep.equal(['a granted', 'b none']);
  });

  it('answers who has waited long enough', async () => {
    ask('a');
    const outcome = await new Promise<ClaimOutcome>((resolve) => claims.ask('k', owner, 1, resolve));
    expect(outcome).to.equal('none');
    claims.done(granted('a'));
  });

  it('tells nothing to who has given up, also behind another claim', () => {
    ask('a');
    ask('b');
    const giveUp = ask('c');
    claims.abandon(granted('a'), 'failed');
    giveUp();
    claims.done(granted('b'));
    expect(outcomes()).to.deep.equal(['a granted', 'b granted']);
  });

  it('gives up the claims of who is gone, and what he waits for', () => {
    ask('a');
    ask('b');
    ask('c', other);
    claims.leave(owner);
    expect(outcomes()).to.deep.equal(['a granted', 'c granted']);
  });

  it('dooms what is on its way, and grants a new claim', () => {
    ask('a');
    ask('b');
    claims.doomPrefix('x');
    expect(outcomes()).to.deep.equal(['a granted']);
    claims.doomPrefix('k');
    expect(granted('a').isDoomed).to.equal(true);
    expect(outcomes()).to.deep.equal(['a granted', 'b done']);
    ask('c');
    // The end of the doomed one is not the end of the new one.
    claims.done(granted('a'));
    claims.abandon(granted('a'), 'failed');
    ask('d', owner, 0);
    expect(outcomes().slice(2)).to.deep.equal(['c granted', 'd none']);
  });
});
