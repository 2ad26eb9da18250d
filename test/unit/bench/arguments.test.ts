import { expect } from 'chai';
import { parseBenchArguments } from '../../../bench/arguments.js';
import { parseCpuArguments } from '../../../bench/cpu/arguments.js';
import { SCENARIOS } from '../../../bench/paths.js';
import { loadScenarios, parseScenario } from '../../../bench/scenario.js';
import { chooseContenders } from '../../../bench/servers/contenders.js';

const scenarios = loadScenarios(SCENARIOS);
const parse = (...args: string[]) => parseBenchArguments(args, scenarios);

describe('bench/arguments', () => {
  it('runs the whole table when nothing is said', () => {
    const { whole, scenarios: chosen, rounds } = parse();
    expect(whole).to.equal(true);
    expect(rounds).to.equal(3);
    expect(chosen.map(({ name }) => name)).to.deep.equal(['keep-alive-1k', 'per-request-1k']);
    for (const { requests, connections } of chosen) {
      expect(requests).to.equal(100_000);
      expect(connections).to.deep.equal([10, 100, 250, 450]);
    }
  });

  it('does not take a shortened or filtered run for the whole', () => {
    for (const args of [
      ['--quick'],
      ['--only', 'handover'],
      ['--also', 'x=main.js'],
      ['--scenario', 'keep-alive-1k'],
      ['--connections', '10'],
      ['--requests', '1000'],
      ['--rounds', '2'],
    ]) {
      expect(parse(...args).whole, args.join(' ')).to.equal(false);
    }
    expect(parse('--scenario', 'all', '--rounds', '5', '--out', 'x').whole).to.equal(true);
  });

  it('takes the smaller loads for a quick run, unless others are asked for', () => {
    const [quick] = parse('--quick').scenarios;
    expect(quick).to.include({ requests: 2000 });
    expect(quick?.connections).to.deep.equal([10, 100]);
    expect(parse('--quick', '--connections', '450').scenarios[0]?.connections).to.deep.equal([450]);
    expect(parse('--quick').rounds).to.equal(1);
  });

  it('never asks for fewer requests than connections', () => {
    const [scenario] = parse('--requests', '5', '--connections', '10,20').scenarios;
    expect(scenario).to.include({ requests: 20 });
    expect(scenario?.connections).to.deep.equal([10, 20]);
  });

  it('says what is wrong', () => {
    expect(() => parse('--rounds', '0')).to.throw('--rounds 0: not a whole number from 1');
    expect(() => parse('--connections', '10,x')).to.throw('--connections x');
    expect(() => parse('--scenario', 'nope')).to.throw(/there is no nope; there are keep-alive-10k, /);
    expect(() => parse('--frobnicate')).to.throw('--frobnicate');
    expect(() => parseCpuArguments(['--case', 'nope'])).to.throw('there is no nope; there are keep-alive-1k');
    expect(() => chooseContenders({ only: ['nope'], also: [] })).to.throw(
      'there is no nope; there are handover',
    );
    expect(() => chooseContenders({ only: undefined, also: ['nope'] })).to.throw('nope is not NAME=MAIN_JS');
  });

  it('takes another handover beside the one that is here', () => {
    const also = ['before=/elsewhere/dist/src/main.js --num-workers 1'];
    const [, before] = chooseContenders({ only: undefined, also });
    expect(before?.name).to.equal('before');
    const task = { site: '/site', workDirectory: '/work', port: 1234, workers: 2, accessLog: false };
    const { args } = before!.launch(task);
    expect(args[0]).to.equal('/elsewhere/dist/src/main.js');
    expect(args.slice(-2)).to.deep.equal(['--num-workers', '1']);
    expect(before!.find()).to.include({ present: false });
  });
});

describe('bench/scenario', () => {
  const text = (changes: object): string => JSON.stringify({ ...scenarios.get('keep-alive-1k'), ...changes });

  it('loads every scenario there is', () => {
    expect([...scenarios.keys()]).to.deep.equal([
      ...['keep-alive-10k', 'keep-alive-1k', 'per-request-10k', 'per-request-1k'],
    ]);
  });

  it('refuses what is no scenario, naming the file and the problem', () => {
    const wrong: [changes: object, problem: string][] = [
      [{ name: 'other' }, 'name is not the name of the file'],
      [{ title: 5 }, 'title is no text'],
      [{ path: 'x' }, 'path is not / and a file name'],
      [{ path: '/../x' }, 'path is not / and a file name'],
      [{ sizeBytes: 0 }, 'sizeBytes is no whole number from 1'],
      [{ keepAlive: 'yes' }, 'keepAlive is not true or false'],
      [{ connections: [] }, 'connections is no list of whole numbers from 1'],
      [{ connections: [1, 'x'] }, 'connections is no list of whole numbers from 1'],
      [{ requests: 449 }, 'requests is no whole number, or below the number of connections'],
    ];
    for (const [changes, problem] of wrong) {
      expect(() => parseScenario(text(changes), 'keep-alive-1k.json')).to.throw(
        `keep-alive-1k.json: ${problem}`,
      );
    }
  });
});
