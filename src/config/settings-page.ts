/** docs/settings.md, made from the table. Pure; generate-docs.ts prints it. */
import { formatValue } from './conf-syntax.js';
import { flagOf, SECTIONS, variableOf } from './setting.js';
import { type Row, rowsIn } from './table.js';

const INTRODUCTION = `# Settings

<!-- Made from the table in src/config by \`npm run docs\`. Change it there. -->

Every setting can be written in three places. The command line wins over the environment, the environment over the
configuration file, the file over the default.

| Where | How |
|---|---|
| command line | \`--num-workers 4\` or \`--num-workers=4\` |
| environment | \`HANDOVER_NUM_WORKERS=4\` |
| configuration file | \`NUM_WORKERS=4\` |

The configuration file is the one that \`--config FILE\` names. With neither \`--config\` nor a directory on the command
line, it is \`server.conf\` in the current directory, when there is one.

\`handover check [FILE]\` validates a configuration: it exits with 0, or with 1 and every mistake on a line of its own.
\`handover --print-config\` shows the settings in effect and where each comes from.

## The configuration file

One \`KEY=VALUE\` on a line, in UTF-8. A \`#\` at the beginning of a line or after a space begins a comment. A value
may be quoted, and must be when a space and a \`#\` belong to it: \`"a # b"\`; in double quotes, \`\\"\` and \`\\\\\` stand
for \`"\` and \`\\\`. Keys are written exactly as below. Only the keys that say so may be repeated; what is repeated in
one place replaces all that a weaker place says about that key, and \`off\` stands for no rule at all. In an environment
variable, each line is one rule.

Relative paths start at the directory of the configuration file; those on the command line and in the environment, at
the current directory.

On the command line, a switch may stand alone or be negated: \`--autoindex\`, \`--no-autoindex\`.

Patterns are globs against the whole URL path: \`*\` is any text without \`/\`, \`**\` any number of directories, \`?\` one
character, \`{a,b}\` either. \`/**\` is every path, \`/**/*.js\` every path that ends in \`.js\`.
`;

function entry(row: Row): string {
  const { key, type, summary, details, defaultWithoutFile } = row;
  const flag = flagOf(key);
  const withoutFile =
    defaultWithoutFile === undefined ? '' : `; \`${defaultWithoutFile}\` without a configuration file`;
  const switches = type.switch === undefined ? '' : `, \`${flag}\`, \`${flag.replace('--', '--no-')}\``;
  return [
    `### ${key}`,
    '',
    `${summary}.${details === undefined ? '' : ` ${details}`}`,
    '',
    `- Value: ${type.accepts}`,
    `- Default: ${row.default === '' ? 'nothing' : `\`${row.default}\``}${withoutFile}`,
    `- Example: \`${key}=${formatValue(row.example)}\``,
    `- Flag: \`${flag} ${type.placeholder.replaceAll("'", '')}\`${switches}`,
    `- Environment: \`${variableOf(key)}\``,
    '',
  ].join('\n');
}

/** The whole page, ending in a line end. */
export function settingsPage(): string {
  const sections = SECTIONS.map((section) => [`## ${section}`, '', ...rowsIn(section).map(entry)].join('\n'));
  return [INTRODUCTION, ...sections].join('\n');
}
