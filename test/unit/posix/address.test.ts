import { SocketAddress } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { ADDRESS_BYTES, decodeAddress, encodeAddress, encodePath } from '../../../src/posix/address.js';
import { AF_UNIX } from '../../../src/posix/constants.js';

const port = fc.nat(65_535);

describe('posix/address', () => {
  it('is IPv4 as the kernel has it', () => {
    const bytes = encodeAddress({ address: '127.0.0.1', port: 8080 });
    expect(bytes.toString('hex')).to.equal('02001f907f0000010000000000000000');
  });

  it('is IPv6 as the kernel has it', () => {
    const bytes = encodeAddress({ address: '2001:db8::1', port: 443 });
    expect(bytes.toString('hex')).to.equal(`0a0001bb00000000${'20010db8'}${'0'.repeat(23)}1${'0'.repeat(8)}`);
  });

  it('of IPv4 comes back as it was', () => {
    fc.assert(
      fc.property(fc.ipV4(), port, (address, number) => {
        expect(decodeAddress(encodeAddress({ address, port: number }))).to.deep.equal({
          address,
          port: number,
        });
      }),
    );
  });

  it('of IPv6 comes back in its usual form', () => {
    fc.assert(
      fc.property(fc.ipV6(), port, (address, number) => {
        const usual = new SocketAddress({ address, family: 'ipv6' }).address;
        const expected = usual.replace(/^::ffff:(?=\d+\.)/, '');
        expect(decodeAddress(encodeAddress({ address, port: number }))).to.deep.equal({
          address: expected,
          port: number,
        });
      }),
    );
  });

  it('of IPv4 in IPv6 is given as IPv4, however it is written', () => {
    for (const address of ['::ffff:1.2.3.4', '::ffff:102:304', '0:0:0:0:0:FFFF:1.2.3.4']) {
      expect(decodeAddress(encodeAddress({ address, port: 1 }))).to.deep.equal({
        address: '1.2.3.4',
        port: 1,
      });
    }
  });

  it('is refused when it is none', () => {
    for (const address of ['localhost', '', '1.2.3', '1.2.3.256', ':::']) {
      expect(() => encodeAddress({ address, port: 1 }), address).to.throw(RangeError, 'is not an IP address');
    }
  });

  it('of another family is empty', () => {
    expect(decodeAddress(Buffer.alloc(ADDRESS_BYTES))).to.deep.equal({ address: '', port: 0 });
  });

  it('of a Unix-domain socket is its path, as far as the kernel says that it goes', () => {
    const decoded = (path: string, length = path.length): string => {
      const bytes = Buffer.alloc(ADDRESS_BYTES, 'x');
      bytes.writeUInt16LE(AF_UNIX, 0);
      bytes.write(path, 2, 'latin1');
      return decodeAddress(bytes, 2 + length).address;
    };
    expect(decoded('/run/a.sock\0')).to.equal('/run/a.sock');
    expect(decoded('/run/a.sock')).to.equal('/run/a.sock');
    expect(decoded('\0abstract')).to.equal('@abstract');
    expect(decoded('left over', 0)).to.equal('');
    expect(decodeAddress(encodePath('/run/ä'))).to.deep.equal({ address: '/run/ä', port: 0 });
  });

  it('of a path has it whole, with its end', () => {
    expect(encodePath('/run/ä').toString('latin1')).to.equal('\x01\0/run/\xc3\xa4\0');
  });

  it('of a path is refused when there is no room for its end', () => {
    expect(encodePath('x'.repeat(107))).to.have.length(110);
    expect(() => encodePath('x'.repeat(108))).to.throw(RangeError, '107 bytes');
    expect(() => encodePath('ä'.repeat(54)), 'in bytes').to.throw(RangeError);
  });
});
