/** What clients must show. */
import type { ValueType } from './value-type.js';

/** What can stand behind `Bearer` (RFC 6750 section 2.1), or nothing. */
export const bearerToken: ValueType<string> = {
  placeholder: 'TOKEN|off',
  accepts: 'letters, digits and -._~+/, with = at the end, or off',
  parse(text) {
    if (text === 'off' || text === '') return { value: '' };
    return /^[A-Za-z0-9._~+/-]{1,500}=*$/.test(text)
      ? { value: text }
      : { problem: `must be ${bearerToken.accepts}` };
  },
  format: (value) => [value === '' ? 'off' : value],
};
