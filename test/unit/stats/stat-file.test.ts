import { expect } from 'chai';
import { buildDocument } from '../../../src/stats/document.js';
import { formatStatFile } from '../../../src/stats/stat-file.js';
import { slotWith, statsSample } from '../../helpers/stats-sample.js';

const format = (totals: Float64Array): string => formatStatFile(buildDocument(statsSample({ totals })));

describe('stats/stat-file', () => {
  it('is one line: active connections, bytes, 200s, 404s, 5xxs, requests', () => {
    const totals = slotWith({ open: 1, bytesSent: 2, status200: 3, status404: 4, status5xx: 5, requests: 6 });
    expect(format(totals)).to.equal('1,2,3,4,5,6\n');
  });

  it('writes the largest counts as plain decimals', () => {
    const totals = slotWith({ bytesSent: Number.MAX_SAFE_INTEGER });
    expect(format(totals)).to.equal('0,9007199254740991,0,0,0,0\n');
  });

  it('is read by the reference dashboard', () => {
    const totals = slotWith({ open: 12, bytesSent: 1e15, requests: 7 });
    const numbers = format(totals)
      .split(',')
      .map((element) => parseFloat(element.trim()));
    expect(numbers).to.deep.equal([12, 1e15, 0, 0, 0, 7]);
  });
});
