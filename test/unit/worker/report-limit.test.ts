import { expect } from 'chai';
import { ReportLimit } from '../../../src/worker/report-limit.js';

describe('worker/report-limit', () => {
  let said: string[];
  let nowMs: number;
  let limit: ReportLimit;
  beforeEach(() => {
    said = [];
    nowMs = 0;
    limit = new ReportLimit(
      (text) => said.push(text),
      () => nowMs,
    );
  });

  it('says ten lines a second, and later how many it did not say', () => {
    for (let i = 0; i < 25; i++) limit.report(`problem ${i}`);
    expect(said).to.have.length(10);
    expect(said.at(-1)).to.equal('problem 9');
    nowMs = 999;
    limit.report('problem 25');
    expect(said).to.have.length(10);
    limit.settle();
    expect(said).to.have.length(10);
    nowMs = 1000;
    limit.settle();
    limit.settle();
    limit.report('another');
    expect(said.slice(10)).to.deep.equal(['16 more problems were not reported one by one', 'another']);
  });

  it('says nothing of its own while there is little to say', () => {
    for (; nowMs < 5000; nowMs += 500) limit.report(`at ${nowMs}`);
    expect(said).to.have.length(10);
    expect(said.join()).not.to.include('more problems');
  });
});
