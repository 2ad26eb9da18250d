import { expect } from 'chai';
import { replyHead, requestFor, statusFor } from '../../../src/getfile/wire.js';

describe('getfile/wire', () => {
  it('is what its drawing says', () => {
    expect(requestFor('/a/b').toString()).to.equal('GETFILE GET /a/b\r\n\r\n');
    expect(replyHead('OK', 0).toString()).to.equal('GETFILE OK 0\r\n\r\n');
    expect(replyHead('OK', 2 ** 40).toString()).to.equal('GETFILE OK 1099511627776\r\n\r\n');
    expect(replyHead('FILE_NOT_FOUND').toString()).to.equal('GETFILE FILE_NOT_FOUND\r\n\r\n');
    expect(replyHead('ERROR').toString()).to.equal('GETFILE ERROR\r\n\r\n');
    expect(replyHead('INVALID').toString()).to.equal('GETFILE INVALID\r\n\r\n');
  });

  it('has a word for every status of the file layer', () => {
    expect([200, 301, 400, 403, 404, 500, 503].map(statusFor)).to.deep.equal([
      'OK',
      ...Array.from({ length: 4 }, () => 'FILE_NOT_FOUND'),
      'ERROR',
      'ERROR',
    ]);
  });
});
