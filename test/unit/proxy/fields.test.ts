import { expect } from 'chai';
import fc from 'fast-check';
import {
  endToEnd,
  type FieldLine,
  fieldValue,
  forwardedFields,
  isLoop,
  unambiguous,
  viaField,
  without,
} from '../../../src/proxy/fields.js';

const PEER = { address: '192.0.2.1', port: 1, listener: 0 };

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,12}$/);
const fieldLines = fc.array(fc.tuple(token, fc.stringMatching(/^[!-~]{0,20}$/)));

describe('proxy/fields', () => {
  describe('endToEnd', () => {
    it('leaves out what belongs to one connection, in any case', () => {
      const fields: FieldLine[] = [
        ['Connection', 'close'],
        ['KEEP-ALIVE', 'timeout=5'],
        ['Proxy-Connection', 'x'],
        ['TE', 'trailers'],
        ['Trailer', 'x'],
        ['Transfer-Encoding', 'chunked'],
        ['Upgrade', 'x'],
        ['proxy-authorization', 'x'],
        ['Proxy-Authenticate', 'x'],
        ['Proxy-Authentication-Info', 'x'],
        ['X', 'kept'],
      ];
      expect(endToEnd(fields)).to.deep.equal([['X', 'kept']]);
    });

    it('leaves out what Connection names, on any of its lines', () => {
      const fields: FieldLine[] = [
        ['connection', 'X-A ,, "x-b", X-C'],
        ['x-a', '1'],
        ['Connection', '\tX-D'],
        ['X-C', '2'],
        ['X-d', '3'],
        ['X-B', '4'],
      ];
      expect(endToEnd(fields)).to.deep.equal([['X-B', '4']]);
    });

    for (const name of [
      'Content-Length',
      'Host',
      'Set-Cookie',
      'Cache-Control',
      'CDN-Cache-Control',
      'Via',
      'Vary',
      'Age',
      'Date',
    ]) {
      it(`keeps ${name}, though Connection names it`, () => {
        expect(
          endToEnd([
            ['Connection', name],
            [name, 'x'],
          ]),
        ).to.deep.equal([[name, 'x']]);
      });
    }

    it('keeps all others, in their order and as they are', () => {
      fc.assert(
        fc.property(fieldLines, (fields) => {
          const kept = endToEnd(fields);
          let at = 0;
          for (const line of kept) {
            at = fields.indexOf(line as [string, string], at) + 1;
            expect(at).to.be.above(0);
          }
          expect(endToEnd(kept)).to.deep.equal(kept);
        }),
      );
    });
  });

  describe('forwardedFields', () => {
    it('says who asks, for what, and how', () => {
      expect(forwardedFields([], { peer: PEER, secure: true, host: 'a:8443' })).to.deep.equal([
        ['X-Forwarded-For', '192.0.2.1'],
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'a:8443'],
        ['Forwarded', 'for=192.0.2.1;host="a:8443";proto=https'],
      ]);
    });

    it('quotes addresses of IPv6, and calls unknown who has none', () => {
      for (const [address, expected] of [
        ['2001:db8::1', 'for="[2001:db8::1]"'],
        ['unix:', 'for=unknown'],
        ['', 'for=unknown'],
      ] as const) {
        const fields = forwardedFields([], { peer: { ...PEER, address }, secure: false, host: '' });
        expect(fieldValue(fields, 'forwarded')).to.equal(`${expected};proto=http`);
        expect(fieldValue(fields, 'x-forwarded-host')).to.equal(undefined);
      }
    });

    it('stands behind what was said before', () => {
      const before: FieldLine[] = [
        ['X-Forwarded-For', 'a'],
        ['x-forwarded-for', 'b'],
        ['Forwarded', ''],
        ['X-Forwarded-Proto', 'lie'],
      ];
      const fields = forwardedFields(before, { peer: PEER, secure: false, host: '' });
      expect(fieldValue(fields, 'x-forwarded-for')).to.equal('a, b, 192.0.2.1');
      expect(fieldValue(fields, 'forwarded')).to.equal('for=192.0.2.1;proto=http');
      expect(fieldValue(fields, 'x-forwarded-proto')).to.equal('http');
    });
  });

  describe('Via', () => {
    it('stands behind those before, and tells a loop', () => {
      const via = viaField([['Via', '1.0 a, 1.1 b (comment, "x")']], '1.1', 'us');
      expect(via).to.deep.equal(['Via', '1.0 a, 1.1 b (comment, "x"), 1.1 us']);
      expect(isLoop([via], 'us')).to.equal(true);
      expect(
        isLoop(
          [
            ['via', '1.1 a'],
            ['VIA', 'HTTP/1.1  us (x)'],
          ],
          'us',
        ),
      ).to.equal(true);
      expect(isLoop([['Via', '1.1 us-too, us 1.1, 1.1 x us']], 'us')).to.equal(false);
      expect(isLoop([], 'us')).to.equal(false);
    });
  });

  it('unambiguous leaves out what CGI would take for a field that decides', () => {
    const fields: FieldLine[] = [
      ['X_Forwarded_For', '1'],
      ['x-forwarded_HOST', '1'],
      ['Content_Length', '1'],
      ['TRANSFER_ENCODING', '1'],
      ['My_Own', '1'],
      ['X-Forwarded-For', '1'],
    ];
    expect(unambiguous(fields).map(([name]) => name)).to.deep.equal(['My_Own', 'X-Forwarded-For']);
  });

  it('fieldValue joins lines, and without leaves them out', () => {
    const fields: FieldLine[] = [
      ['A', '1'],
      ['b', '2'],
      ['a', '3'],
    ];
    expect(fieldValue(fields, 'a')).to.equal('1, 3');
    expect(fieldValue(fields, 'c')).to.equal(undefined);
    expect(without(fields, 'a', 'c')).to.deep.equal([['b', '2']]);
  });
});
