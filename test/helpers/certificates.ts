/**
 * Certificates for tests (test/fixtures/tls): two of them, each with its key, for localhost and 127.0.0.1, good
 * for a hundred years. They are made by
 *
 *     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
 *       -subj /CN=first.handover.test -addext subjectAltName=DNS:localhost,IP:127.0.0.1
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ConfSettings } from './server.js';

export type CertificateName = 'first' | 'second';

/** Paths of a certificate and its key. */
export function certificate(name: CertificateName): { readonly cert: string; readonly key: string } {
  const at = (file: string): string =>
    fileURLToPath(new URL(`../../../test/fixtures/tls/${file}`, import.meta.url));
  return { cert: at(`${name}.cert.pem`), key: at(`${name}.key.pem`) };
}

export function pem(name: CertificateName, what: 'cert' | 'key'): string {
  return readFileSync(certificate(name)[what], 'latin1');
}

/** Settings that turn TLS on, on a free port. */
export function tlsSettings(name: CertificateName = 'first'): ConfSettings {
  const { cert, key } = certificate(name);
  return { TLS_CERT: cert, TLS_KEY: key, TLS_PORT: '0' };
}
