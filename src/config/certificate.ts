/** Reads a certificate and its key, and says what is wrong with them before a client finds out. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, systemCode } from '../errors.js';
import type { ConfigMistake } from './mistake.js';
import type { SettingName } from './setting.js';
import type { Settings } from './settings.js';

/** A certificate with what belongs to it, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What keeps a file from being used, and the setting that names it. */
export interface KeyPairMistake extends Pick<ConfigMistake, 'message' | 'hint' | 'unreadable'> {
  readonly name: Extract<SettingName, 'tlsCert' | 'tlsKey'>;
}

export type TlsFiles = Pick<Settings, 'tlsCert' | 'tlsKey'>;

/** True when the settings ask for TLS. */
export function wantsTls({ tlsCert, tlsKey }: TlsFiles): boolean {
  return tlsCert !== '' && tlsKey !== '';
}

/** Reads both files; what is wrong with either is the list of mistakes. */
export function readKeyPair(files: TlsFiles): KeyPair | { readonly mistakes: readonly KeyPairMistake[] } {
  const mistakes: KeyPairMistake[] = [];
  const use = <T>(
    name: KeyPairMistake['name'],
    parse: (pem: string) => T | Refused,
  ): [string, T] | undefined => {
    const pem = readPem(files[name]);
    const value = typeof pem === 'string' ? parse(pem) : pem;
    if (typeof pem === 'string' && !isRefused(value)) return [pem, value as T];
    mistakes.push({ name, ...(value as Refused) });
    return undefined;
  };
  const cert = use('tlsCert', parseCertificate);
  const key = use('tlsKey', parseKey);
  if (cert === undefined || key === undefined) return { mistakes };
  const refused = mismatch(cert[1], key[1]) ?? unusable(cert[0], key[0]);
  return refused === undefined ? { cert: cert[0], key: key[0] } : { mistakes: [refused] };
}

type Refused = Omit<KeyPairMistake, 'name'>;

function isRefused(value: unknown): value is Refused {
  return typeof value === 'object' && value !== null && 'message' in value;
}

function readPem(file: string): string | Refused {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { message: 'no such file', unreadable: true };
    if (code === 'EISDIR')
      return { message: 'this is a directory', hint: 'name a file in it', unreadable: true };
    const hint = 'make it readable for the user who starts the server';
    return { message: `cannot be read (${code || messageOf(error)})`, hint, unreadable: true };
  }
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;

function parseCertificate(pem: string): X509Certificate | Refused {
  if (!CERTIFICATE.test(pem)) {
    if (PRIVATE_KEY.test(pem))
      return { message: 'this is a private key', hint: 'TLS_KEY is the key for that' };
    return { message: 'no PEM certificate stands in it', hint: derHint(pem, 'openssl x509 -inform der') };
  }
  try {
    return new X509Certificate(pem);
  } catch {
    return { message: 'its certificate is damaged', hint: 'get it anew from where it was issued' };
  }
}

function parseKey(pem: string): KeyObject | Refused {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return {
      message: 'it asks for a passphrase',
      hint: 'write it without one: openssl pkey -in OLD -out NEW',
    };
  }
  if (!PRIVATE_KEY.test(pem)) {
    if (CERTIFICATE.test(pem))
      return { message: 'this is a certificate', hint: 'TLS_CERT is the key for that' };
    return { message: 'no PEM private key stands in it', hint: derHint(pem, 'openssl pkey -inform der') };
  }
  try {
    return createPrivateKey(pem);
  } catch {
    return {
      message: 'its private key is damaged',
      hint: 'restore it, or make a new one with a new certificate',
    };
  }
}

/** DER begins with the mark of a SEQUENCE, which is also the digit 0; what follows is no text. */
function derHint(bytes: string, command: string): string {
  return /^\x30/.test(bytes) && /[^\t\n\r\x20-\x7e]/.test(bytes)
    ? `it is DER: ${command} -in OLD -out NEW`
    : 'name a PEM file';
}

function mismatch(cert: X509Certificate, key: KeyObject): KeyPairMistake | undefined {
  if (cert.checkPrivateKey(key)) return undefined;
  const message = 'this key does not belong to the certificate in TLS_CERT';
  return { name: 'tlsKey', message, hint: 'the first certificate in TLS_CERT must be the one made for it' };
}

/** What OpenSSL finds only when it puts the two to use: a key that is too short, a chain that is damaged. */
function unusable(cert: string, key: string): KeyPairMistake | undefined {
  try {
    createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
    return undefined;
  } catch (error) {
    return { name: 'tlsCert', message: `OpenSSL does not take it: ${messageOf(error)}` };
  }
}
