import { expect } from 'chai';
import { Clock } from '../../../src/http/clock.js';

describe('http/clock', () => {
  it('says the time of its last update', () => {
    const clock = new Clock(784_111_777_000, 5);
    expect(clock).to.include({ nowMs: 784_111_777_000, steadyMs: 5, second: 784_111_777 });
    expect(clock.dateLine).to.equal('Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n');
    clock.update(784_111_777_999, 1004);
    expect(clock).to.include({ nowMs: 784_111_777_999, steadyMs: 1004, second: 784_111_777 });
    expect(clock.dateLine).to.equal('Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n');
    clock.update(784_111_778_000, 1005);
    expect(clock.dateLine).to.equal('Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n');
  });

  it('follows a clock that is set back', () => {
    const clock = new Clock(784_111_777_000, 0);
    clock.update(784_111_776_000, 1);
    expect(clock.dateLine).to.equal('Date: Sun, 06 Nov 1994 08:49:36 GMT\r\n');
  });

  it('goes by the steady clock between two updates', () => {
    const clock = new Clock(784_111_777_000, 5);
    clock.advance(1004.9);
    expect(clock).to.include({ nowMs: 784_111_777_999, steadyMs: 1004.9, second: 784_111_777 });
    clock.advance(1005.2);
    expect(clock).to.include({ nowMs: 784_111_778_000, second: 784_111_778 });
    expect(clock.dateLine).to.equal('Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n');
    clock.update(784_111_700_000, 1006);
    clock.advance(1007);
    expect(clock.nowMs).to.equal(784_111_700_001);
  });

  it('is as exact as it was, though updates are cut to milliseconds', () => {
    const clock = new Clock(1000.75, 0);
    for (let steadyMs = 1; steadyMs < 50; steadyMs += 7.5) {
      clock.update(Math.floor(1000.75 + steadyMs), steadyMs);
      clock.advance(steadyMs + 0.25);
      expect(clock.nowMs).to.equal(Math.floor(1001 + steadyMs));
    }
  });

  it('follows a clock that goes a little slower or faster', () => {
    for (const rate of [0.9999, 1.0001]) {
      const clock = new Clock(1000, 0);
      for (let steadyMs = 0; steadyMs < 1_000_000; steadyMs += 250) {
        const now = 1000 + rate * steadyMs;
        clock.update(Math.floor(now), steadyMs);
        clock.advance(steadyMs + 100.5);
        expect(clock.nowMs).to.be.closeTo(now + 100.5, 2);
      }
    }
  });

  it('has a date from the beginning, at the epoch too', () => {
    expect(new Clock(0, 0).dateLine).to.equal('Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n');
  });
});
