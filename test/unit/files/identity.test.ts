import type { BigIntStats } from 'node:fs';
import { expect } from 'chai';
import {
  contentEtag,
  identityOf,
  isSettled,
  lastModifiedMs,
  stampEtag,
  withCoding,
} from '../../../src/files/identity.js';

const NOW_MS = 1_700_000_000_000;
const ns = (ms: number) => BigInt(ms) * 1_000_000n;

function stat(overrides: Partial<BigIntStats> = {}): BigIntStats {
  const old = NOW_MS - 3_600_000;
  const stamps = { mtimeMs: BigInt(old), mtimeNs: ns(old), ctimeMs: BigInt(old), ctimeNs: ns(old) };
  return { dev: 1n, ino: 2n, size: 255n, ...stamps, ...overrides } as BigIntStats;
}

describe('files/identity', () => {
  it('tells states apart by device, inode, size and both stamps', () => {
    expect(identityOf(stat())).to.equal(`1:2:255:${ns(NOW_MS - 3_600_000)}:${ns(NOW_MS - 3_600_000)}`);
    for (const change of [{ dev: 9n }, { ino: 9n }, { size: 9n }, { mtimeNs: 9n }, { ctimeNs: 9n }]) {
      expect(identityOf(stat(change))).not.to.equal(identityOf(stat()));
    }
  });

  it('does not believe stamps of a moment ago', () => {
    expect(isSettled(stat(), NOW_MS)).to.equal(true);
    expect(isSettled(stat({ ctimeNs: ns(NOW_MS - 19) }), NOW_MS)).to.equal(false);
    expect(isSettled(stat({ ctimeNs: ns(NOW_MS - 20) }), NOW_MS)).to.equal(true);
    expect(isSettled(stat({ mtimeNs: ns(NOW_MS - 5) }), NOW_MS)).to.equal(false);
  });

  it('does not believe a ctime from the future, but leaves an mtime from the future to ctime', () => {
    expect(isSettled(stat({ ctimeNs: ns(NOW_MS + 60_000) }), NOW_MS)).to.equal(false);
    expect(isSettled(stat({ mtimeNs: ns(NOW_MS + 60_000) }), NOW_MS)).to.equal(true);
  });

  it('makes strong tags from content, another for each coding', () => {
    const tag = contentEtag(Buffer.from('x'));
    expect(tag).to.match(/^"[\w-]{22}"$/);
    expect(contentEtag('x')).to.equal(tag);
    expect(contentEtag('y')).not.to.equal(tag);
    expect(contentEtag('x', 'br')).to.equal(`${tag.slice(0, -1)}-br"`);
    expect(withCoding(tag, 'identity')).to.equal(tag);
  });

  it('makes tags from size and mtime for what is not read', () => {
    const at = { mtimeNs: 0x10n };
    expect(stampEtag(stat(at), 'identity', NOW_MS)).to.equal('"ff-10"');
    expect(stampEtag(stat(at), 'gzip', NOW_MS)).to.equal('"ff-10-gzip"');
  });

  it('gives an unsettled state a tag of the moment', () => {
    const fresh = stat({ ctimeNs: ns(NOW_MS) });
    expect(stampEtag(fresh, 'identity', NOW_MS)).not.to.equal(stampEtag(fresh, 'identity', NOW_MS + 1));
    expect(stampEtag(fresh, 'identity', NOW_MS)).not.to.equal(stampEtag(fresh, 'identity', NOW_MS + 1000));
  });

  it('gives Last-Modified in whole seconds, within what a Date holds', () => {
    expect(lastModifiedMs(stat({ mtimeMs: 1999n }))).to.equal(1000);
    expect(lastModifiedMs(stat({ mtimeMs: -1n }))).to.equal(-1000);
    expect(new Date(lastModifiedMs(stat({ mtimeMs: 10n ** 20n }))).getTime()).to.equal(8.64e15);
  });
});
