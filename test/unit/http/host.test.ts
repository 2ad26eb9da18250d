import { expect } from 'chai';
import fc from 'fast-check';
import { isValidHost } from '../../../src/http/host.js';

describe('host', () => {
  const valid = [
    'localhost',
    'localhost:3000',
    'example.com',
    'EXAMPLE.com.',
    'xn--bcher-kva.example',
    'under_score.example',
    'a-b.c~d',
    '127.0.0.1',
    '127.0.0.1:8080',
    '999.999.999.999',
    'example.com:',
    'example.com:0',
    'example.com:00080',
    'example.com:65535',
    '%41.example',
    "sub!$&'()*+;=delims",
    '[::1]',
    '[::1]:80',
    '[::1]:',
    '[2001:db8::7]',
    '[::ffff:192.0.2.1]:443',
    '[v1.fe80::a+en1]',
    '[VF.x]:1',
  ];
  for (const host of valid) it(`takes ${host}`, () => expect(isValidHost(host)).to.equal(true));

  const invalid = [
    '',
    ':',
    ':80',
    ' ',
    'exa mple.com',
    ' example.com',
    'example.com ',
    'example.com\t',
    'example.com\0',
    'example.com\n',
    'example.com,example.org',
    'example.com, example.org',
    'user@example.com',
    'user:pass@example.com',
    'http://example.com',
    'example.com/',
    'example.com/path',
    'example.com?x',
    'example.com#x',
    'example.com\\x',
    'example.com:65536',
    'example.com:999999',
    'example.com:000080',
    'example.com:80:80',
    'example.com:-1',
    'example.com:+80',
    'example.com:8o',
    'example.com:80 ',
    'exa<mple',
    'exa"mple',
    'ex|ample',
    'b\xfccher.example',
    'b\u00fc\u0100.example',
    '%',
    '%4',
    '%zz',
    '::1',
    '[::1',
    '::1]',
    '[]',
    '[]:80',
    '[::1]80',
    '[::1]x',
    'x[::1]',
    '[[::1]]',
    '[127.0.0.1]',
    '[example.com]',
    '[:::1]',
    '[fe80::1%eth0]',
    '[fe80::1%25eth0]',
    '[v1.]',
    '[v.x]',
    '[vg.x]',
    '[v1.a,b]',
  ];
  for (const host of invalid) {
    it(`refuses ${JSON.stringify(host)}`, () => expect(isValidHost(host)).to.equal(false));
  }

  it('takes any address and any domain with any port', () => {
    const name = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
    );
    fc.assert(
      fc.property(name, fc.nat(65535), (host, port) => isValidHost(host) && isValidHost(`${host}:${port}`)),
    );
  });

  it('never takes a character that no host has', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(...' /?#@\\,<>"^`{|}\0\r\n\xff'),
        (text, bad) => {
          expect(isValidHost(`a${text}${bad}`)).to.equal(false);
          expect(isValidHost(`${bad}${text}`)).to.equal(false);
        },
      ),
    );
  });

  it('decides in linear time', () => {
    expect(isValidHost(`${'a'.repeat(100_000)} `)).to.equal(false);
    expect(isValidHost(`${'%41'.repeat(100_000)}%`)).to.equal(false);
  });
});
