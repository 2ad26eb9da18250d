import { expect } from 'chai';
import {
  type FileResource,
  type ListingResource,
  type RedirectResource,
  ResourceMaker,
} from '../../../src/files/resource.js';
import { ResponseRules } from '../../../src/files/response-rules.js';
import { foundFile, foundVariant, MODIFIED, MODIFIED_MS } from '../../helpers/fake-tasks.js';
import { fieldOf } from '../../helpers/replies.js';
import { make, makeFile } from '../../helpers/resources.js';

const LARGE = 'x'.repeat(2048);

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
});
