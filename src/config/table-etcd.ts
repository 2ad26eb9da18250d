/** Settings: etcd, where several nodes share the tokens. */
import type { Rows } from './setting.js';
import type { ValueType } from './value-type.js';
import { list } from './values.js';
import { pathOrOff } from './values-paths.js';

const section = 'Writing';

const endpoints = list({
  placeholder: 'URLS',
  accepts: 'URLs such as http://10.0.0.1:2379 with spaces between them, or off',
  empty: 'off',
  parseWord(word) {
    const url = URL.canParse(word) ? new URL(word) : undefined;
    const isRight =
      url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '';
    return isRight
      ? { value: url.origin }
      : { problem: `${word} is no endpoint of etcd`, hint: 'write http://HOST:2379 or https://HOST:2379' };
  },
});

const prefix: ValueType<string> = {
  placeholder: 'PREFIX',
  accepts: 'a path such as /handover/, of letters, digits, -, _ and .',
  parse: (text) =>
    /^\/(?:[A-Za-z0-9._-]+\/)+$/.test(text) ? { value: text } : { problem: `must be ${prefix.accepts}` },
  format: (value) => [value],
};

/** Any text, or `off`. */
const text: ValueType<string> = {
  placeholder: 'TEXT|off',
  accepts: 'text, or off',
  parse: (written) => ({ value: written === 'off' ? '' : written }),
  format: (value) => [value === '' ? 'off' : value],
};

export const ETCD_ROWS: Rows<
  'etcdEndpoints' | 'etcdPrefix' | 'etcdUser' | 'etcdPassword' | 'etcdCa' | 'etcdCert' | 'etcdKey'
> = {
  etcdEndpoints: {
    key: 'ETCD_ENDPOINTS',
    section,
    type: endpoints,
    default: 'off',
    summary: 'Members of the etcd that several nodes share their tokens in',
    details:
      'For several servers that serve and write one DOCUMENT_ROOT on a shared file system: [tokens.md](tokens.md). One ' +
      'member is used at a time, the next one when it does not answer. Without it, the master of a server decides alone. ' +
      'This and the other ETCD settings are changed by a restart.',
    example: 'http://10.0.0.1:2379 http://10.0.0.2:2379 http://10.0.0.3:2379',
  },
  etcdPrefix: {
    key: 'ETCD_PREFIX',
    section,
    type: prefix,
    default: '/handover/',
    summary: 'Begins the keys in etcd; nodes with the same one share their files',
    example: '/handover/docs/',
  },
  etcdUser: {
    key: 'ETCD_USER',
    section,
    type: text,
    default: 'off',
    summary: 'User of etcd, where it asks for one',
    example: 'handover',
  },
  etcdPassword: {
    key: 'ETCD_PASSWORD',
    section,
    type: text,
    default: 'off',
    summary: 'Password of that user',
    details: 'Better in the environment or a file that only the server can read than on the command line.',
    example: 'secret',
    isSecret: true,
  },
  etcdCa: {
    key: 'ETCD_CA',
    section,
    type: pathOrOff,
    default: 'off',
    summary: 'Certificates (PEM) that those of etcd are checked with; off: those of the system',
    example: '/etc/handover/etcd-ca.pem',
  },
  etcdCert: {
    key: 'ETCD_CERT',
    section,
    type: pathOrOff,
    default: 'off',
    summary: 'Certificate (PEM) that this node shows to etcd',
    example: '/etc/handover/etcd-client.pem',
  },
  etcdKey: {
    key: 'ETCD_KEY',
    section,
    type: pathOrOff,
    default: 'off',
    summary: 'Its private key (PEM)',
    example: '/etc/handover/etcd-client-key.pem',
  },
};
