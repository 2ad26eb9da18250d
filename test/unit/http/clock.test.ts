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

  it('has a date from the beginning, at the epoch too', () => {
    expect(new Clock(0, 0).dateLine).to.equal('Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n');
  });
});
