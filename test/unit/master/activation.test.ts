import { expect } from 'chai';
import { EXIT, HandoverError } from '../../../src/errors.js';
import { refuseKind, refuseMismatch, takeActivation } from '../../../src/master/activation.js';

describe('master/activation', () => {
  const take = (variables: Record<string, string>) => takeActivation({ ...variables }, 4711);

  it('takes the descriptors from 3 on, and which of them is for TLS from their names', () => {
    const { sockets } = take({
      LISTEN_PID: '4711',
      LISTEN_FDS: '4',
      LISTEN_FDNAMES: 'https:web:a-https.socket',
    });
    expect(sockets).to.deep.equal([
      { fd: 3, secure: true },
      { fd: 4, secure: false },
      { fd: 5, secure: true },
      { fd: 6, secure: false },
    ]);
    expect(take({ LISTEN_PID: '4711', LISTEN_FDS: '1', LISTEN_FDNAMES: 'nohttps' }).sockets).to.deep.equal([
      { fd: 3, secure: false },
    ]);
  });

  it('takes none where none are, or are for another process, which it says', () => {
    const none = { sockets: [], notes: [] };
    expect(take({})).to.deep.equal(none);
    expect(take({ LISTEN_FDS: '1' })).to.deep.equal(none);
    expect(take({ LISTEN_PID: '4711', LISTEN_FDS: '0' })).to.deep.equal(none);
    const { sockets, notes } = take({ LISTEN_PID: '1', LISTEN_FDS: '1' });
    expect(sockets).to.deep.equal([]);
    expect(notes).to.have.lengthOf(1);
  });

  it('takes the variables away, and no others', () => {
    for (const pid of ['4711', '1']) {
      const env = { LISTEN_PID: pid, LISTEN_FDS: '1', LISTEN_FDNAMES: 'a', LISTEN_PIDFDID: '9', PATH: 'x' };
      takeActivation(env, 4711);
      expect(env).to.deep.equal({ PATH: 'x' });
    }
  });

  it('refuses what is no number', () => {
    for (const text of ['x', '-1', '1.5', '65', '9999', ' 1']) {
      expect(() => take({ LISTEN_PID: '4711', LISTEN_FDS: text }), text)
        .to.throw(HandoverError, `LISTEN_FDS: ${text} is no number of sockets`)
        .with.property('exitCode', EXIT.cannotListen);
    }
  });

  it('wants TLS where a socket is for it, and nowhere else', () => {
    const [plain, secure] = [
      { fd: 3, secure: false },
      { fd: 4, secure: true },
    ];
    expect(() => refuseMismatch([plain], false)).to.not.throw();
    expect(() => refuseMismatch([plain, secure], true)).to.not.throw();
    expect(() => refuseMismatch([plain], true)).to.throw(HandoverError, 'no inherited socket is for it');
    expect(() => refuseMismatch([plain, secure], false)).to.throw(
      HandoverError,
      'descriptor 4 is named https',
    );
  });

  it('knows descriptors that are no sockets', () => {
    expect(refuseKind(9999)).to.equal('is not open');
  });
});
