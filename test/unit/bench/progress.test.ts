import { expect } from 'chai';
import { duration, Progress } from '../../../bench/progress.js';

function shown(isTTY: boolean, use: (progress: Progress) => void): string {
  let text = '';
  use(
    new Progress({
      isTTY,
      columns: 20,
      write(part: string) {
        text += part;
      },
    }),
  );
  return text;
}

const useAll = (progress: Progress): void => {
  progress.update('a line that is longer than the terminal');
  progress.plain('done');
  progress.line('stays');
  progress.clear();
};

describe('bench/progress', () => {
  it('is one line on a terminal, which never wraps', () => {
    expect(shown(true, useAll)).to.equal('\r\u001b[Ka line that is long\r\u001b[Kstays\n\r\u001b[K');
  });

  it('is plain lines elsewhere', () => {
    expect(shown(false, useAll)).to.equal('done\nstays\n');
  });

  it('writes minutes and seconds', () => {
    expect([0, 59_999, 61_000, 3_600_000].map(duration)).to.deep.equal(['0:00', '0:59', '1:01', '60:00']);
  });
});
