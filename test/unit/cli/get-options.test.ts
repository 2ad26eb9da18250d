import { expect } from 'chai';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { getOptions } from '../../../src/cli/get-options.js';
import { formatMistake } from '../../../src/config/mistake.js';

function parse(args: string, workload?: readonly string[]) {
  const line = parseCommandLine(['get', ...args.split(' ').filter(Boolean)], '/home/me');
  expect(line.mistakes.map(formatMistake)).to.deep.equal([]);
  const options = getOptions(line, workload, '/home/me');
  return 'mistakes' in options ? options.mistakes.map(formatMistake).join('\n') : options;
}

describe('cli/get-options', () => {
  it('has a default for all but the server and a path', () => {
    expect(parse('127.0.0.1:3001 a.txt /b')).to.deep.equal({
      host: '127.0.0.1',
      port: 3001,
      paths: ['/a.txt', '/b'],
      requests: 2,
      threads: 2,
      timeoutMs: 60_000,
      out: undefined,
      verify: undefined,
    });
  });

  it('takes all that it is told', () => {
    const args = '[::1]:3001 /a --workload w --threads 8 --requests 100 --timeout 5 --out o --verify=/site';
    expect(parse(args, ['/b', 'c'])).to.deep.equal({
      host: '::1',
      port: 3001,
      paths: ['/a', '/b', '/c'],
      requests: 100,
      threads: 8,
      timeoutMs: 5000,
      out: '/home/me/o',
      verify: '/site',
    });
    expect(parse('localhost:1 --verify /a')).to.deep.include({ verify: 'repeats', paths: ['/a'] });
  });

  const bad: readonly [args: string, mistake: string][] = [
    ['', 'get: the first word must be the server; write HOST:PORT, as in 127.0.0.1:3001'],
    ['/a', '/a: the first word must be the server'],
    ['localhost /a', 'localhost: the first word must be'],
    ['localhost:0 /a', 'localhost:0: the first word must be'],
    ['localhost:65536 /a', 'localhost:65536: the first word must be'],
    ['::1:80 /a', '::1:80: the first word must be'],
    ['a:1', 'get: there is nothing to get; name a path, or --workload FILE'],
    ['a:1 /b --threads 0', '--threads=0: must be a whole number from 1 to 256'],
    ['a:1 /b --requests x', '--requests=x: must be a whole number from 1 to 1000000000'],
    ['a:1 /b --timeout 5s', '--timeout=5s: must be a whole number from 1 to 86400'],
    ['a:1 /../b --out o', '/../b: this path names no file below a directory'],
    ['a:1 /../b --verify=o', '/../b: this path names no file below a directory'],
  ];
  for (const [args, mistake] of bad) {
    it(`refuses ${args || 'nothing'}`, () => {
      expect(parse(args)).to.include(`command line: ${mistake}`);
    });
  }

  it('refuses a workload without a path', () => {
    expect(parse('a:1 --workload w', [])).to.equal('command line: --workload=w: there is no path in it');
  });

  it('sends any path where nothing is kept', () => {
    expect(parse('a:1 /../b')).to.deep.include({ paths: ['/../b'] });
  });
});
