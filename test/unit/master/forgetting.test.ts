import { expect } from 'chai';
import { Forgetting } from '../../../src/master/forgetting.js';
import type { MasterMessage } from '../../../src/master/protocol.js';

class FakeWorker {
  readonly received: MasterMessage[] = [];

  send(message: MasterMessage): void {
    this.received.push(message);
  }
}

describe('master/forgetting', () => {
  let forgetting: Forgetting;
  let asker: FakeWorker;
  let others: FakeWorker[];

  beforeEach(() => {
    forgetting = new Forgetting();
    asker = new FakeWorker();
    others = [new FakeWorker(), new FakeWorker()];
  });

  const answer = (wasStored: boolean) => ({ v: 1, kind: 'forgotten', id: 7, wasStored });

  it('tells the others, and the asker when all have forgotten', () => {
    forgetting.begin(asker, 7, ['a'], others);
    for (const { received } of others)
      expect(received).to.deep.equal([{ v: 1, kind: 'forget', id: 1, keys: ['a'] }]);
    forgetting.done(others[0]!, 1, true);
    expect(asker.received).to.deep.equal([]);
    forgetting.done(others[1]!, 1, false);
    expect(asker.received).to.deep.equal([answer(true)]);
    expect(forgetting.count).to.equal(0);
  });

  it('waits for nobody who is gone', () => {
    forgetting.begin(asker, 7, ['a'], others);
    forgetting.done(others[0]!, 1, false);
    forgetting.gone(others[1]!);
    expect(asker.received).to.deep.equal([answer(false)]);
  });

  it('has an answer at once when there are no others', () => {
    forgetting.begin(asker, 7, ['a'], []);
    expect(asker.received).to.deep.equal([answer(false)]);
  });

  it('takes no notice of what it has not asked', () => {
    forgetting.begin(asker, 7, ['a'], others);
    forgetting.done(asker, 1, true);
    forgetting.done(others[0]!, 9, true);
    forgetting.done(others[0]!, 1, false);
    forgetting.done(others[0]!, 1, true);
    expect(asker.received).to.deep.equal([]);
  });
});
