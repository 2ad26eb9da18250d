/** Requests come with bytes that no URI may have; what is sent back must be one (RFC 3986 section 2.1). */

/** A target as received (latin1), with its bytes above 0x7f percent-encoded. */
export function escapeBytes(text: string): string {
  return text.replaceAll(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
