import { expect } from 'chai';
import { parseEnvironment } from '../../../src/config/environment.js';
import { formatMistake } from '../../../src/config/mistake.js';

function parse(env: Readonly<Record<string, string>>): {
  values: readonly string[];
  mistakes: readonly string[];
} {
  const { assignments, mistakes } = parseEnvironment(env, '/home/me');
  return {
    values: assignments.map(({ key, text }) => `${key}=${text}`),
    mistakes: mistakes.map(formatMistake),
  };
}

describe('config/environment', () => {
  it('reads the variables that begin with HANDOVER_', () => {
    const values = ['HANDOVER_PORT=8080'];
    expect(parse({ HANDOVER_PORT: ' 8080 ', PORT: '1', HANDOVER: 'x' })).to.deep.equal({
      values,
      mistakes: [],
    });
  });

  it('takes an empty variable for none', () => {
    expect(parse({ HANDOVER_PORT: '', HANDOVER_HOST: ' ' })).to.deep.equal({ values: [], mistakes: [] });
  });

  it('reads one rule from each line of a repeatable key', () => {
    const values = ['HANDOVER_HEADERS=/** A: b', 'HANDOVER_HEADERS=/x C: d'];
    expect(parse({ HANDOVER_HEADERS: '/** A: b\n\n  /x C: d\n' }).values).to.deep.equal(values);
  });

  it('refuses a slip of a name', () => {
    const mistakes = ['environment: HANDOVER_PROT=8080: unknown variable; did you mean HANDOVER_PORT?'];
    expect(parse({ HANDOVER_PROT: '8080' })).to.deep.equal({ values: [], mistakes });
  });

  it('leaves alone what others set under names that begin like ours', () => {
    const names = [
      'SERVICE_HOST',
      'SERVICE_PORT',
      'SERVICE_PORT_HTTP',
      'PORT_3000_TCP',
      'PORT_3000_TCP_ADDR',
    ];
    const env = Object.fromEntries(
      [...names, 'PORT_3000_TCP_PORT', 'WORKER_ID', 'FD'].map((name) => [`HANDOVER_${name}`, 'x']),
    );
    expect(parse(env)).to.deep.equal({ values: [], mistakes: [] });
  });
});
