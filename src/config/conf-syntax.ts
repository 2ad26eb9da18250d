/**
 * The syntax of a line of server.conf, both ways. Pure.
 *
 *     # comment
 *     KEY = VALUE          # a comment may follow, after a space
 *     KEY = "VALUE"        # \" and \\ stand for " and \; a # inside is part of the value
 */

export type Line =
  | { readonly kind: 'blank' }
  | { readonly kind: 'pair'; readonly key: string; readonly value: string }
  | {
      readonly kind: 'bad';
      readonly key: string;
      readonly value?: string;
      readonly message: string;
      readonly hint?: string;
    };

/** Reads one line, without its line end. */
export function parseLine(line: string): Line {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return { kind: 'blank' };
  if (/^\[.*\]$/.test(text)) return bad(text, 'there are no sections', 'remove the line');
  const exported = /^(?:export|set)\s+(\S.*)$/.exec(text)?.[1];
  if (exported !== undefined) return bad(text, 'this is not a shell script', `write ${exported}`);
  const equals = text.indexOf('=');
  const key = (equals < 0 ? text : text.slice(0, equals)).trim();
  if (key === '') return bad(text, 'there is no key before =', 'write KEY=VALUE');
  if (equals < 0 || /\s/.test(key)) {
    const [, word = 'KEY', rest = ''] = /^(\w+)\s*:?\s*(.*)$/s.exec(text) ?? [];
    return bad(text, 'there is no = after the key', `write ${word}=${rest || 'VALUE'}`);
  }
  return parseValue(key, text.slice(equals + 1));
}

function bad(key: string, message: string, hint: string): Line {
  return { kind: 'bad', key, message, hint };
}

function parseValue(key: string, rest: string): Line {
  const text = rest.trim();
  const quote = text[0];
  if (quote !== '"' && quote !== "'") {
    // `rest`, not `text`: what follows = directly is no comment.
    const comment = /\s#/.exec(rest);
    return { kind: 'pair', key, value: (comment === null ? rest : rest.slice(0, comment.index)).trim() };
  }
  const quoted = (quote === '"' ? /^"((?:[^"\\]|\\.)*\\?)"(.*)$/ : /^'([^']*)'(.*)$/).exec(text);
  if (quoted === null) {
    return { kind: 'bad', key, value: text, message: `the closing ${quote} is missing` };
  }
  const [, inside = '', after = ''] = quoted;
  if (!/^(?:\s*|\s+#.*)$/.test(after)) {
    const message = `there is text after the closing ${quote}`;
    return { kind: 'bad', key, value: text, message, hint: 'quote the whole value' };
  }
  return { kind: 'pair', key, value: quote === '"' ? inside.replaceAll(/\\(["\\])/g, '$1') : inside };
}

/** Writes a value so that `parseLine` reads it back: quoted only where it must be. */
export function formatValue(value: string): string {
  const plain = value === value.trim() && !/^["']/.test(value) && !/\s#/.test(value);
  return plain ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}
