import { expect } from 'chai';
import { chooseVariant, codingToMake, MIN_COMPRESS_BYTES } from '../../../src/files/forms.js';
import { type FileResource, ResourceMaker } from '../../../src/files/resource.js';
import { ResponseRules } from '../../../src/files/response-rules.js';
import { parseAcceptEncoding } from '../../../src/http/negotiation.js';
import { foundFile, foundVariant, MODIFIED } from '../../helpers/fake-tasks.js';
import { fieldOf } from '../../helpers/replies.js';
import { make, makeFile } from '../../helpers/resources.js';

const LARGE = 'x'.repeat(2 * MIN_COMPRESS_BYTES);
const MAKEABLE = ['br', 'gzip'] as const;

function toMake(resource: FileResource, acceptEncoding: string | undefined): string | undefined {
  return codingToMake(resource, parseAcceptEncoding(acceptEncoding), MAKEABLE);
}

describe('files/forms', () => {
  describe('the choice of a form', () => {
    const resource = makeFile('/a.txt', LARGE, [
      foundVariant('/a.txt.br', 'br', { coding: 'br' }),
      foundVariant('/a.txt.gz', 'gz', { coding: 'gzip' }),
    ]);
    const chosen = (value: string | undefined): string =>
      chooseVariant(resource, parseAcceptEncoding(value)).coding;

    it('follows what the client accepts', () => {
      expect(
        ['gzip, br', 'gzip', 'br;q=0.1, gzip', '', undefined, 'identity', 'zstd'].map(chosen),
      ).to.deep.equal(['br', 'gzip', 'gzip', 'identity', 'identity', 'identity', 'identity']);
    });

    it('falls back to the file as it is when the client accepts nothing', () => {
      expect(chosen('identity;q=0, zstd')).to.equal('identity');
      expect(chosen('*;q=0')).to.equal('identity');
    });

    it('remembers the last, for the same preference only', () => {
      const br = parseAcceptEncoding('br');
      const none = parseAcceptEncoding(undefined);
      const seen = [br, br, none, br, none, none].map(
        (preference) => chooseVariant(resource, preference).coding,
      );
      expect(seen).to.deep.equal(['br', 'br', 'identity', 'br', 'identity', 'identity']);
    });
  });

  describe('the form worth making', () => {
    it('is the best that the client accepts and this Node can make', () => {
      const resource = makeFile('/a.txt', LARGE);
      expect(
        ['gzip, br', 'gzip', 'zstd, gzip', 'zstd', undefined, 'br;q=0'].map((value) =>
          toMake(resource, value),
        ),
      ).to.deep.equal(['br', 'gzip', 'gzip', undefined, undefined, undefined]);
    });

    it('is none for what is small, does not shrink, or stays on disk', () => {
      expect(toMake(makeFile('/a.txt', 'x'.repeat(MIN_COMPRESS_BYTES - 1)), 'br')).to.equal(undefined);
      expect(toMake(makeFile('/a.txt', 'x'.repeat(MIN_COMPRESS_BYTES)), 'br')).to.equal('br');
      expect(toMake(makeFile('/a.png', LARGE), 'br')).to.equal(undefined);
      expect(toMake(makeFile('/a.txt', LARGE, [], false), 'br')).to.equal(undefined);
      const found = foundFile('/a.txt', LARGE);
      const onDisk = make({ ...found, variants: [{ ...found.variants[0]!, body: null }] }) as FileResource;
      expect(toMake(onDisk, 'br')).to.equal(undefined);
    });

    it('is none where the site has one that the client accepts', () => {
      const resource = makeFile('/a.txt', LARGE, [foundVariant('/a.txt.gz', 'gz', { coding: 'gzip' })]);
      expect(toMake(resource, 'br, gzip')).to.equal(undefined);
      expect(toMake(resource, 'br')).to.equal('br');
    });

    it('is none that was tried and saved nothing', () => {
      const maker = new ResourceMaker(new ResponseRules({ cacheControl: [], headers: [], cors: [] }), true);
      const tried = maker.withCoding(makeFile('/a.txt', LARGE), 'html', 'br', Buffer.alloc(LARGE.length));
      expect([...tried.useless]).to.deep.equal(['br']);
      expect([toMake(tried, 'br'), toMake(tried, 'br, gzip')]).to.deep.equal([undefined, 'gzip']);
    });

    it('is asked for again after another form was added', () => {
      const maker = new ResourceMaker(new ResponseRules({ cacheControl: [], headers: [], cors: [] }), true);
      const preference = parseAcceptEncoding('br, gzip;q=0.5');
      const plain = makeFile('/a.txt', LARGE);
      expect(codingToMake(plain, preference, MAKEABLE)).to.equal('br');
      const richer = maker.withCoding(plain, 'html', 'gzip', Buffer.from('gz'));
      expect(codingToMake(richer, preference, MAKEABLE)).to.equal('br');
      const richest = maker.withCoding(richer, 'html', 'br', Buffer.from('br'));
      expect(codingToMake(richest, preference, MAKEABLE)).to.equal(undefined);
      expect(chooseVariant(richest, preference).coding).to.equal('br');
    });

    it('has its own tag, and the date of the file', () => {
      const maker = new ResourceMaker(new ResponseRules({ cacheControl: [], headers: [], cors: [] }), true);
      const [, gzip] = maker.withCoding(
        makeFile('/a.txt', LARGE),
        'html',
        'gzip',
        Buffer.from('gz'),
      ).variants;
      expect([gzip!.etag, fieldOf(gzip!.hit!, 'last-modified'), fieldOf(gzip!.hit!, 'vary')]).to.deep.equal([
        '"/a.txt-1-gzip"',
        MODIFIED,
        'Accept-Encoding',
      ]);
    });
  });
});
