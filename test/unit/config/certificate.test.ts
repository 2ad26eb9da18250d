import { X509Certificate } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { readKeyPair } from '../../../src/config/certificate.js';
import { loadSettings } from '../../../src/config/load.js';
import { formatMistake } from '../../../src/config/mistake.js';
import { certificate, pem } from '../../helpers/certificates.js';
import { TestDirectory } from '../../helpers/directory.js';
import { unprivileged } from '../../helpers/site-tree.js';

describe('config/certificate', () => {
  let directory: TestDirectory;
  beforeEach(() => {
    directory = new TestDirectory({ 'www/': '' });
  });
  afterEach(() => directory.remove());

  /** The mistakes, one a line: name, message, hint. */
  function mistakes(tlsCert: string, tlsKey: string): string[] {
    const pair = readKeyPair({ tlsCert, tlsKey });
    if (!('mistakes' in pair)) return [];
    return pair.mistakes.map(({ name, message, hint }) => [name, message, hint].filter(Boolean).join(': '));
  }

  const written = (name: string, text: string): string => {
    directory.write(name, text);
    return directory.at(name);
  };
  const { cert, key } = certificate('first');

  it('reads what belongs together', () => {
    expect(readKeyPair({ tlsCert: cert, tlsKey: key })).to.deep.equal({
      cert: pem('first', 'cert'),
      key: pem('first', 'key'),
    });
  });

  it('takes a chain, and both from one file', () => {
    const all = written('all.pem', pem('first', 'key') + pem('first', 'cert') + pem('second', 'cert'));
    expect(mistakes(all, all)).to.deep.equal([]);
  });

  it('says what is wrong with either', () => {
    const nowhere = directory.at('nowhere.pem');
    expect(mistakes(nowhere, directory.path)).to.deep.equal([
      'tlsCert: no such file',
      'tlsKey: this is a directory: name a file in it',
    ]);
    expect(mistakes(key, cert)).to.deep.equal([
      'tlsCert: this is a private key: TLS_KEY is the key for that',
      'tlsKey: this is a certificate: TLS_CERT is the key for that',
    ]);
    expect(mistakes(cert, certificate('second').key)).to.deep.equal([
      'tlsKey: this key does not belong to the certificate in TLS_CERT: the first certificate in TLS_CERT must be the one made for it',
    ]);
    const text = written('text', 'hello');
    expect(mistakes(text, text)).to.deep.equal([
      'tlsCert: no PEM certificate stands in it: name a PEM file',
      'tlsKey: no PEM private key stands in it: name a PEM file',
    ]);
    const der = directory.at('der');
    writeFileSync(der, new X509Certificate(pem('first', 'cert')).raw);
    expect(mistakes(der, key)).to.deep.equal([
      'tlsCert: no PEM certificate stands in it: it is DER: openssl x509 -inform der -in OLD -out NEW',
    ]);
    const damaged = (what: 'cert' | 'key'): string =>
      written(what, pem('first', what).replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA'));
    expect(mistakes(damaged('cert'), damaged('key'))).to.deep.equal([
      'tlsCert: its certificate is damaged: get it anew from where it was issued',
      'tlsKey: its private key is damaged: restore it, or make a new one with a new certificate',
    ]);
    const locked = written(
      'locked',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
    );
    expect(mistakes(cert, locked)).to.deep.equal([
      'tlsKey: it asks for a passphrase: write it without one: openssl pkey -in OLD -out NEW',
    ]);
  });

  it('says so when a file may not be read', () => {
    const closed = written('closed', pem('first', 'key'));
    chmodSync(directory.path, 0o755);
    chmodSync(closed, 0);
    expect(unprivileged(() => mistakes(cert, closed))).to.deep.equal([
      'tlsKey: cannot be read (EACCES): make it readable for the user who starts the server',
    ]);
  });

  describe('in a configuration', () => {
    function check(conf: string): string[] {
      directory.write('server.conf', `DOCUMENT_ROOT=www\n${conf}`);
      const loaded = loadSettings({ cwd: directory.path, env: {}, configFile: 'server.conf' });
      return loaded.mistakes.map(formatMistake);
    }

    it('is named by file and line', () => {
      expect(check(`TLS_CERT=${cert}\nTLS_KEY=${key}\nTLS_REDIRECT=on\n`)).to.deep.equal([]);
      expect(check(`TLS_CERT=${cert}\nTLS_KEY=nowhere.pem\n`)).to.deep.equal([
        'server.conf:3: TLS_KEY=nowhere.pem: no such file',
      ]);
      expect(check(`TLS_CERT=${cert}\n`)).to.deep.equal([
        `server.conf:2: TLS_CERT=${cert}: TLS needs TLS_KEY too; write TLS_KEY=/etc/letsencrypt/live/example.com/privkey.pem`,
      ]);
      expect(check(`TLS_KEY=${key}\n`)[0]).to.match(/^server\.conf:2: TLS_KEY=.*: TLS needs TLS_CERT too; /);
      expect(check('TLS_REDIRECT=443\n')).to.deep.equal([
        'server.conf:2: TLS_REDIRECT=443: TLS is off; set TLS_CERT and TLS_KEY, or write off',
      ]);
      expect(check(`TLS_CERT=${cert}\nTLS_KEY=${key}\nPORT=443\nTLS_PORT=443\n`)).to.deep.equal([
        'server.conf:5: TLS_PORT=443: this is the plain PORT too; write another',
      ]);
      expect(check('TLS_REDIRECT=70000\n')[0]).to.equal(
        'server.conf:2: TLS_REDIRECT=70000: must be off, on or the port that clients are sent to',
      );
    });
  });
});
