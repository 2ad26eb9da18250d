/** Digests as they stand in Repr-Digest (RFC 9530): `sha-256=:BASE64:`. Here they are hexadecimal. Pure. */

/** The value of Repr-Digest for a digest. */
export function reprDigest(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;
}

/** The SHA-256 digest in a value of Repr-Digest; undefined when there is none, or none that can be. */
export function digestIn(value: string): string | undefined {
  const [, base64] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(value) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('hex');
}
