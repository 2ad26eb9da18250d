/** Rules of a proxy as values of settings: a prefix of paths, and the upstreams that answer below it. */
import type { ProxyRule } from './settings.js';
import type { Parsed, Refusal, ValueType } from './value-type.js';
import { rules } from './values-rules.js';

/** `/api http://127.0.0.1:9000`, or several URLs that stand in for one another. */
export const proxyRules: ValueType<readonly ProxyRule[]> = rules({
  placeholder: "'/PREFIX URL...'",
  accepts: '/PREFIX URL, or several URLs: a path, then http:// or https:// addresses',
  parseRule(text): Parsed<readonly ProxyRule[]> {
    const [prefix = '', ...upstreams] = text.trim().split(/\s+/);
    if (upstreams.length === 0)
      return { problem: 'must be /PREFIX URL', hint: 'write /api http://127.0.0.1:9000' };
    if (!prefix.startsWith('/') || /[?#]/.test(prefix)) {
      return { problem: `${prefix} is no prefix of paths`, hint: 'it begins with / and has no ? and no #' };
    }
    if (/[^!-~]/.test(prefix) || /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(prefix)) {
      return {
        problem: `no request has ${prefix} in its path`,
        hint: 'write it as clients send it: /a%20b, no dots',
      };
    }
    for (const url of upstreams) {
      const refusal = refuseUpstream(url);
      if (refusal !== undefined) return refusal;
    }
    return { value: [{ prefix, upstreams }] };
  },
  formatRule: ({ prefix, upstreams }) => [prefix, ...upstreams].join(' '),
});

function refuseUpstream(text: string): Refusal | undefined {
  const hint = 'write http://HOST:PORT or http://HOST:PORT/PATH';
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    return { problem: `${text} is no http(s) URL`, hint };
  const { username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '')
    return { problem: `${text}: a URL with a password is not supported`, hint };
  if (search !== '' || hash !== '') return { problem: `${text}: an upstream's URL has no ? and no #`, hint };
  return undefined;
}
