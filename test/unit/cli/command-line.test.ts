import { expect } from 'chai';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { formatMistake } from '../../../src/config/mistake.js';

function parse(...args: string[]) {
  const { flags, mistakes, switches, values, operands, ...rest } = parseCommandLine(args, '/home/me');
  const settings = flags.map(({ name, key, text }) => `${name} ${key} ${text}`);
  return { ...rest, settings, switches: [...switches], mistakes: mistakes.map(formatMistake) };
}

const NOTHING = {
  command: 'serve',
  operand: undefined,
  config: undefined,
  settings: [],
  switches: [],
  mistakes: [],
};

describe('cli/command-line', () => {
  const cases: readonly [args: string, result: Partial<ReturnType<typeof parse>>][] = [
    ['', {}],
    ['www', { operand: 'www' }],
    ['check', { command: 'check' }],
    ['check a.conf', { command: 'check', operand: 'a.conf' }],
    ['serve', { operand: 'serve' }],
    ['./check', { operand: './check' }],
    ['-- check', { operand: 'check' }],
    ['-- --port', { operand: '--port' }],
    ['--config a.conf stop', { command: 'stop', config: 'a.conf' }],
    ['-c a.conf', { config: 'a.conf' }],
    ['--port 1', { settings: ['port --port 1'] }],
    ['--port=1', { settings: ['port --port 1'] }],
    ['-p 1', { settings: ['port -p 1'] }],
    ['-p1', { settings: ['port -p 1'] }],
    ['--port -1', { settings: ['port --port -1'] }],
    ['--log-file - www', { operand: 'www', settings: ['logFile --log-file -'] }],
    [
      '--error-page=a --error-page=b',
      { settings: ['errorPages --error-page a', 'errorPages --error-page b'] },
    ],
    ['--autoindex www', { operand: 'www', settings: ['autoindex --autoindex on'] }],
    ['--autoindex off www', { operand: 'www', settings: ['autoindex --autoindex off'] }],
    ['--autoindex=off', { settings: ['autoindex --autoindex off'] }],
    ['--no-autoindex off', { operand: 'off', settings: ['autoindex --no-autoindex off'] }],
    ['--spa dist', { operand: 'dist', settings: ['spa --spa on'] }],
    ['--spa /app.html dist', { operand: 'dist', settings: ['spa --spa /app.html'] }],
    ['--spa /srv/www', { operand: '/srv/www', settings: ['spa --spa on'] }],
    ['--no-spa', { settings: ['spa --no-spa off'] }],
    ['--cors * dist', { operand: 'dist', settings: ['cors --cors *'] }],
    ['--cors http://a dist', { operand: 'dist', settings: ['cors --cors http://a'] }],
    ['--cors dist', { operand: 'dist', settings: ['cors --cors *'] }],
    ['-o --print-config', { switches: ['open', 'print-config'] }],
    ['-hv', { switches: ['help', 'version'] }],
    ['status --json -p 1', { command: 'status', switches: ['json'], settings: ['port -p 1'] }],
    ['stop --pid-file x', { command: 'stop', settings: ['pidFile --pid-file x'] }],
  ];
  for (const [args, result] of cases) {
    it(`reads ${args || 'nothing'}`, () => {
      expect(parse(...args.split(' ').filter(Boolean))).to.deep.equal({ ...NOTHING, ...result });
    });
  }

  it('gives get all its words and values', () => {
    const args = ['get', 'a:1', '/b', '--requests', '5', '--verify', '/c', '--out=d', '--verify=e', '/f'];
    const { command, operands, values, switches, mistakes } = parseCommandLine(args, '/home/me');
    expect(mistakes).to.deep.equal([]);
    expect({ command, operands }).to.deep.equal({ command: 'get', operands: ['a:1', '/b', '/c', '/f'] });
    expect([...values]).to.deep.equal([
      ['requests', '5'],
      ['out', 'd'],
      ['verify', 'e'],
    ]);
    expect([...switches]).to.deep.equal(['verify']);
  });

  const bad: readonly [args: string, mistake: string][] = [
    ['--prot 1', '--prot: unknown option; did you mean --port?'],
    ['--prot=1', '--prot=1: unknown option; did you mean --port?'],
    ['--workers 4', '--workers: unknown option; did you mean --num-workers?'],
    ['--no-port', '--no-port: unknown option; write --port 8080'],
    ['--no-autoindx', '--no-autoindx: unknown option; did you mean --no-autoindex?'],
    ['-x', '-x: unknown option'],
    ['--port', '--port: needs a value; write --port 8080'],
    ['--port --host x', '--port: needs a value; write --port 8080'],
    ['--error-page', "--error-page: needs a value; write --error-page '500 503 /sorry.html'"],
    ['--config', '--config: needs a value'],
    ['--config=', '--config: needs a value'],
    ['--no-autoindex=on', '--no-autoindex=on: takes no value; write --no-autoindex'],
    ['--open=yes', '--open=yes: takes no value; write --open'],
    ['a b', 'b: one word too many'],
    ['stop now', 'now: stop takes no word after it'],
    ['stop --spa', '--spa: means nothing to stop'],
    ['reload --drain-timeout-seconds 1', '--drain-timeout-seconds: means nothing to reload'],
    ['check --open', '--open: means nothing to check'],
    ['stop --json', '--json: means nothing to stop'],
    ['--json', '--json: means nothing to serve'],
    ['--threads 4', '--threads: means nothing to serve'],
    ['get a:1 /b --port 1', '--port: means nothing to get'],
    ['get a:1 /b --config c', '--config: means nothing to get'],
    ['get a:1 /b --verify=', '--verify: needs a value'],
    ['get a:1 /b --out --threads 1', '--out: needs a value'],
  ];
  for (const [args, mistake] of bad) {
    it(`refuses ${args}`, () => {
      expect(parse(...args.split(' ')).mistakes[0]).to.equal(`command line: ${mistake}`);
    });
  }

  it('collects every mistake', () => {
    expect(parse('--prot', '1', '--hots', 'x', '--port').mistakes).to.have.lengthOf.at.least(3);
  });

  it('starts relative paths where it was called', () => {
    expect(parseCommandLine(['--log-file', 'a'], '/home/me').flags[0]).to.deep.include({
      base: '/home/me',
      origin: { kind: 'command line', flag: '--log-file' },
    });
  });
});
