import { expect } from 'chai';
import { unixListeners } from '../../../src/posix/unix-table.js';

describe('posix/unix-table', () => {
  it('finds the sockets that listen, with inode and path', () => {
    const table = [
      'Num       RefCount Protocol Flags    Type St Inode Path',
      '0000000000000000: 00000002 00000000 00010000 0001 01 48213 /run/handover.sock',
      '0000000000000000: 00000003 00000000 00000000 0001 03 48214 /run/handover.sock',
      '0000000000000000: 00000002 00000000 00000000 0002 01   482 /run/systemd/notify',
      '0000000000000000: 00000002 00000000 00010000 0001 01     9 @abstract',
      '0000000000000000: 00000002 00000000 00010000 0001 01 48299 /run/with a space.sock',
      '0000000000000000: 00000003 00000000 00000000 0001 03 21444',
      '',
    ].join('\n');
    expect(unixListeners(table)).to.deep.equal([
      { inode: '48213', path: '/run/handover.sock' },
      { inode: '9', path: '@abstract' },
      { inode: '48299', path: '/run/with a space.sock' },
    ]);
    expect(unixListeners('')).to.deep.equal([]);
  });
});
