import { expect } from 'chai';
import type { FoundVariant } from '../../../src/files/found.js';
import {
  chooseVariant,
  codingToMake,
  type FileResource,
  type Findable,
  type ListingResource,
  MIN_COMPRESS_BYTES,
  type RedirectResource,
  type Resource,
  ResourceMaker,
} from '../../../src/files/resource.js';
import { ResponseRules, type ResponseSettings } from '../../../src/files/response-rules.js';
import { parseAcceptEncoding } from '../../../src/http/negotiation.js';
import { foundFile, foundVariant, MODIFIED, MODIFIED_MS } from '../../helpers/fake-tasks.js';
import { fieldOf } from '../../helpers/replies.js';

const LARGE = 'x'.repeat(2 * MIN_COMPRESS_BYTES);
const MAKEABLE = ['br', 'gzip'] as const;

function make(found: Findable, settings: Partial<ResponseSettings> = {}, compress = true): Resource {
  const rules = new ResponseRules({ cacheControl: [], headers: [], cors: [], ...settings });
  return new ResourceMaker(rules, compress).make(found, Buffer.from('/key'), 7, MODIFIED_MS + 1000);
}

function makeFile(
  urlPath: string,
  text: string,
  sidecars: readonly FoundVariant[] = [],
  compress = true,
): FileResource {
  const found = foundFile(urlPath, text);
  return make({ ...found, variants: [...found.variants, ...sidecars] }, {}, compress) as FileResource;
}

function toMake(resource: FileResource, acceptEncoding: string | undefined): string | undefined {
  return codingToMake(resource, parseAcceptEncoding(acceptEncoding), MAKEABLE);
}

describe('files/resource', () => {
  describe('a file', () => {
    it('has every field that does not depend on the request', () => {
      const { hit, headHit, notModified } = makeFile('/a.txt', 'text').variants[0]!;
      for (const reply of [hit!, headHit]) {
        expect(reply.status).to.equal(200);
        expect(fieldOf(reply, 'content-type')).to.equal('text/plain; charset=utf-8');
        expect(fieldOf(reply, 'content-length')).to.equal('4');
        expect(fieldOf(reply, 'last-modified')).to.equal(MODIFIED);
        expect(fieldOf(reply, 'accept-ranges')).to.equal('bytes');
        expect(fieldOf(reply, 'content-encoding')).to.equal(undefined);
      }
      for (const reply of [hit!, headHit, notModified]) {
        expect(fieldOf(reply, 'etag')).to.equal('"/a.txt-1"');
        expect(fieldOf(reply, 'cache-control')).to.equal('no-cache');
        expect(fieldOf(reply, 'vary')).to.equal('Accept-Encoding');
        expect(fieldOf(reply, 'x-content-type-options')).to.equal('nosniff');
      }
      expect([hit!.body?.toString(), headHit.body, notModified.body]).to.deep.equal(['text', null, null]);
    });

    it('says of itself in a 304 only what guides a cache (RFC 9110 section 15.4.5)', () => {
      const { notModified } = makeFile('/a.txt', 'text').variants[0]!;
      expect(notModified.status).to.equal(304);
      for (const name of ['content-length', 'content-type', 'last-modified', 'content-encoding']) {
        expect(fieldOf(notModified, name), name).to.equal(undefined);
      }
    });

    it('does not vary when it has one form only and would not shrink', () => {
      expect(fieldOf(makeFile('/a.png', LARGE).variants[0]!.hit!, 'vary')).to.equal(undefined);
    });

    it('varies when compression is off but somebody made a smaller form', () => {
      const resource = makeFile(
        '/a.png',
        LARGE,
        [foundVariant('/a.png.gz', 'gz', { coding: 'gzip' })],
        false,
      );
      expect(resource.variants.map(({ hit }) => fieldOf(hit!, 'vary'))).to.deep.equal([
        'Accept-Encoding',
        'Accept-Encoding',
      ]);
    });

    it('says how a form is coded, and has a tag for each', () => {
      const resource = makeFile('/a.txt', LARGE, [
        foundVariant('/a.txt.br', 'small', { coding: 'br', etag: '"x"' }),
      ]);
      const [, br] = resource.variants;
      expect([fieldOf(br!.hit!, 'content-encoding'), fieldOf(br!.hit!, 'content-length')]).to.deep.equal([
        'br',
        '5',
      ]);
      expect([fieldOf(br!.hit!, 'content-type'), fieldOf(br!.hit!, 'etag')]).to.deep.equal([
        'text/plain; charset=utf-8',
        '"x"',
      ]);
    });

    it('without a body in memory has no reply that is ready', () => {
      const found = foundFile('/a.bin', 'text');
      const onDisk = {
        ...found,
        variants: [{ ...found.variants[0]!, body: null, sizeBytes: 5_000_000_000 }],
      };
      const { hit, headHit } = (make(onDisk) as FileResource).variants[0]!;
      expect([hit, fieldOf(headHit, 'content-length')]).to.deep.equal([undefined, '5000000000']);
    });

    it('gets the fields of the rules for its path, in its 304 too', () => {
      const settings = {
        cacheControl: [{ pattern: '/a.txt', value: 'max-age=1' }],
        headers: [{ pattern: '/**', name: 'X-Own', value: 'yes' }],
        cors: ['*'],
      };
      const { hit, notModified } = (make(foundFile('/a.txt', 'text'), settings) as FileResource).variants[0]!;
      for (const reply of [hit!, notModified]) {
        expect(fieldOf(reply, 'cache-control')).to.equal('max-age=1');
        expect(fieldOf(reply, 'x-own')).to.equal('yes');
        expect(fieldOf(reply, 'access-control-allow-origin')).to.equal('*');
      }
    });

    it('from the future was last modified now', () => {
      const found = { ...foundFile('/a.txt', 'text'), mtimeMs: MODIFIED_MS + 5000 };
      const rules = new ResponseRules({ cacheControl: [], headers: [], cors: [] });
      const file = new ResourceMaker(rules, true).make(found, Buffer.from('/a.txt'), 7, MODIFIED_MS);
      expect(fieldOf((file as FileResource).variants[0]!.headHit, 'last-modified')).to.equal(MODIFIED);
      expect((file as FileResource).lastModifiedMs).to.equal(MODIFIED_MS);
    });

    it('costs what it holds, small bodies twice', () => {
      const empty = makeFile('/a', '').sizeBytes;
      expect(makeFile('/a', 'x'.repeat(1000)).sizeBytes - empty).to.equal(2000);
      expect(makeFile('/a', 'x'.repeat(65_537)).sizeBytes - empty).to.equal(65_537);
    });
  });

  describe('a listing', () => {
    const listing = make({
      kind: 'listing',
      urlPath: '/docs/',
      identity: 'l',
      html: Buffer.from('<ul>'),
      json: Buffer.from('[]'),
      htmlEtag: '"h"',
      jsonEtag: '"j"',
    }) as ListingResource;

    it('is HTML and JSON, which depend on Accept', () => {
      for (const [forms, type, etag] of [
        [listing.html, 'text/html; charset=utf-8', '"h"'],
        [listing.json, 'application/json; charset=utf-8', '"j"'],
      ] as const) {
        const variant = forms.variants[0]!;
        expect(fieldOf(variant.hit!, 'content-type')).to.equal(type);
        expect(fieldOf(variant.hit!, 'etag')).to.equal(etag);
        expect(fieldOf(variant.hit!, 'vary')).to.equal('Accept, Accept-Encoding');
        expect(fieldOf(variant.hit!, 'last-modified')).to.equal(undefined);
        expect(fieldOf(variant.notModified, 'vary')).to.equal('Accept, Accept-Encoding');
      }
    });
  });

  it('keeps a redirect with the fields of its target', () => {
    const settings = { headers: [{ pattern: '/docs/', name: 'X-Own', value: 'yes' }] };
    const redirect = make({ kind: 'redirect', location: '/docs/' }, settings) as RedirectResource;
    expect(redirect).to.deep.include({
      kind: 'redirect',
      location: '/docs/',
      fields: 'X-Own: yes\r\n',
    });
  });

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
