import { expect } from 'chai';
import { EXIT, HandoverError } from '../../../src/errors.js';
import { refuseKind, refuseMismatch, takeActivation } from '../../../src/master/activation.js';

const PLAIN = { fd: 3, protocol: 'http' } as const;
const SECURE = { fd: 4, protocol: 'https' } as const;
const GETFILE = { fd: 5, protocol: 'getfile' } as const;
const JOBS = { fd: 6, protocol: 'jobs' } as const;
const NOTHING = { tls: false, getfile: false, jobs: false };

describe('master/activation', () => {
  const take = (variables: Record<string, string>) => takeActivation({ ...variables }, 4711);

  it('takes the descriptors from 3 on, and what each is for from their names', () => {
    const { sockets } = take({
      LISTEN_PID: '4711',
      LISTEN_FDS: '5',
      LISTEN_FDNAMES: 'https:web:a-https.socket:my-getfile:jobs.socket',
    });
    expect(sockets).to.deep.equal([
      { fd: 3, protocol: 'https' },
      { fd: 4, protocol: 'http' },
      { fd: 5, protocol: 'https' },
      { fd: 6, protocol: 'getfile' },
      { fd: 7, protocol: 'jobs' },
    ]);
    expect(take({ LISTEN_PID: '4711', LISTEN_FDS: '1', LISTEN_FDNAMES: 'nohttps' }).sockets).to.deep.equal([
      { fd: 3, protocol: 'http' },
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
    expect(() => refuseMismatch([PLAIN], NOTHING)).to.not.throw();
    expect(() => refuseMismatch([PLAIN, SECURE], { ...NOTHING, tls: true })).to.not.throw();
    expect(() => refuseMismatch([PLAIN], { ...NOTHING, tls: true })).to.throw(
      HandoverError,
      'TLS_CERT is set, and no inherited socket is for it',
    );
    expect(() => refuseMismatch([PLAIN, SECURE], NOTHING)).to.throw(
      HandoverError,
      'descriptor 4 is named https',
    );
  });

  it('takes GetFile where a socket is for it, and wants one where a port is set', () => {
    expect(() => refuseMismatch([PLAIN, GETFILE], NOTHING)).to.not.throw();
    expect(() => refuseMismatch([PLAIN, GETFILE], { ...NOTHING, getfile: true })).to.not.throw();
    expect(() => refuseMismatch([PLAIN], { ...NOTHING, getfile: true })).to.throw(
      HandoverError,
      'GETFILE_PORT is set, and no inherited socket is for it',
    );
  });

  it('takes parts of jobs where a socket is for them, and wants one where a port is set', () => {
    expect(() => refuseMismatch([PLAIN, JOBS], NOTHING)).to.not.throw();
    expect(() => refuseMismatch([PLAIN, JOBS], { ...NOTHING, jobs: true })).to.not.throw();
    expect(() => refuseMismatch([PLAIN, GETFILE], { ...NOTHING, jobs: true })).to.throw(
      HandoverError,
      'JOBS_PORT is set, and no inherited socket is for it',
    );
  });

  it('knows descriptors that are no sockets', () => {
    expect(refuseKind(9999)).to.equal('is not open');
  });
});
