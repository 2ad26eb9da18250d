/** `handover --help`, made from the table of settings and the list of options. Pure. */
import { flagOf, SECTIONS } from '../config/setting.js';
import { type Row, rowsIn } from '../config/table.js';
import { definitions, HARD_SPACE, wrap } from './layout.js';
import { OPTIONS, SHORT_FLAGS } from './options.js';

const USAGE: readonly (readonly [string, string])[] = [
  ['handover [DIR] [options]', 'Serve DIR, or what the configuration says'],
  ['handover check [FILE]', 'Validate a configuration: every mistake on a line of its own'],
  ['handover stop', 'Let responses in flight finish, then end the server'],
  ['handover reload', 'Let the server read its configuration again'],
  ['handover status', 'Show what the server and its workers are doing'],
  ['handover purge URL', 'Let the server forget what its proxy has stored of URL'],
  ['handover get HOST:PORT [PATH…]', 'Transfer files over GetFile with several threads, and say how fast'],
  ['handover send --job JOB [FILE]', 'Send FILE, or standard input, as a part of a job'],
  ['handover jobs [JOB]', 'Show the jobs of the server, or one of them'],
  ['handover jobs seal|rm JOB', 'No more parts of it are taken; or it is removed'],
  ['handover jobs result JOB', 'Fetch what it came to'],
  ['handover lock FILE -- COMMAND', 'Run COMMAND while FILE, a path of the server, is kept from others'],
  ['handover tokens', 'Show who holds files, and who waits for them'],
  ['handover cached [--root DIR]', 'A cache process by itself, for servers with SHARED_CACHE_SOCKET'],
];

const CONTROL =
  'stop, reload, status, purge, send, jobs, lock and tokens find the server by --config FILE, --port N or --pid-file FILE; without these, by ' +
  './server.conf, or because it is the only one.';

const SETTINGS =
  'Each setting is also a key of the configuration file (PORT=3000 for --port 3000) and an environment variable ' +
  '(HANDOVER_PORT). The command line wins over the environment, that over the file. Switches can be negated: ' +
  '--no-compress.';

const TERM_WIDTH = 30;

/** The whole help for a terminal of that many columns. */
export function helpText(version: string, columns: number): string {
  const paragraph = (text: string): string => wrap(text, columns - 2).join('\n  ');
  const options = Object.entries(OPTIONS).map(([name, option]): [string, string] => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    const value = option.placeholder === undefined ? '' : valueForm(option.placeholder, option.mayStandAlone);
    return [`${short}--${name}${value}`, option.summary];
  });
  const sections = SECTIONS.map((section) => {
    const rows = rowsIn(section).map((row): [string, string] => [termOf(row), descriptionOf(row)]);
    return `${section}\n${definitions(rows, TERM_WIDTH, columns)}`;
  });
  return [
    `${wrap(`handover ${version}: serves a directory over HTTP with several processes`, columns).join('\n')}\n`,
    `Usage\n${definitions(USAGE, TERM_WIDTH, columns)}\n  ${paragraph(CONTROL)}\n`,
    `Options\n${definitions(options, TERM_WIDTH, columns)}`,
    `Settings\n  ${paragraph(SETTINGS)}\n`,
    ...sections,
  ].join('\n');
}

function valueForm(placeholder: string, mayStandAlone = false): string {
  return mayStandAlone ? `[=${placeholder}]` : ` ${placeholder}`;
}

function termOf(row: Row): string {
  const letter = SHORT_FLAGS[row.name];
  const value = valueForm(row.type.placeholder, row.type.switch !== undefined);
  return `${letter === undefined ? '' : `-${letter}, `}${flagOf(row.key)}${value}`;
}

function descriptionOf(row: Row): string {
  const { summary, default: value } = row;
  return value === '' ? summary : `${summary} [${value.replaceAll(' ', HARD_SPACE)}]`;
}
