import { expect } from 'chai';
import { lockInfoOf, lockTokenOf, MAX_TIMEOUT_SECONDS, timeoutOf } from '../../../src/dav/lock-request.js';
import { parseXml, XmlError } from '../../../src/dav/xml.js';

function infoIn(content: string) {
  return lockInfoOf(parseXml(Buffer.from(`<D:lockinfo xmlns:D="DAV:">${content}</D:lockinfo>`)));
}

const WRITE = '<D:locktype><D:write/></D:locktype>';

describe('what LOCK asks for', () => {
  it('is a scope, and who', () => {
    const scope = '<D:lockscope><D:shared/></D:lockscope>';
    expect(infoIn(`${scope}${WRITE}<D:owner><D:href>mailto:a@b</D:href></D:owner>`)).to.deep.equal({
      scope: 'shared',
      owner: '<D:href xmlns:D="DAV:">mailto:a@b</D:href>',
    });
    expect(infoIn(`${WRITE}${scope}`).owner).to.equal('');
  });

  for (const content of [
    '',
    WRITE,
    `${WRITE}<D:lockscope/>`,
    `${WRITE}<D:lockscope><exclusive xmlns="urn:x"/></D:lockscope>`,
    `${WRITE}<D:lockscope><D:shared/><D:exclusive/></D:lockscope>`,
    '<D:lockscope><D:shared/></D:lockscope><D:locktype><D:read/></D:locktype>',
  ]) {
    it(`cannot be ${content === '' ? 'nothing' : content}`, () => {
      expect(() => infoIn(content)).to.throw(XmlError);
    });
  }

  it('has a bound in time', () => {
    expect(timeoutOf(undefined)).to.equal(MAX_TIMEOUT_SECONDS);
    expect(timeoutOf('Infinite, Second-5')).to.equal(MAX_TIMEOUT_SECONDS);
    expect(timeoutOf('Extend, Second-5')).to.equal(5);
    expect(timeoutOf('second-0')).to.equal(1);
    expect(timeoutOf('Second-4100000000')).to.equal(MAX_TIMEOUT_SECONDS);
  });

  it('names its lock in brackets', () => {
    expect(lockTokenOf('<urn:uuid:1>')).to.equal('urn:uuid:1');
    for (const value of [undefined, '', 'urn:uuid:1', '<>', '<a> <b>'])
      expect(lockTokenOf(value)).to.equal(undefined);
  });
});
