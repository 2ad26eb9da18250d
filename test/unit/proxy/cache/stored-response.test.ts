import { expect } from 'chai';
import { Clock } from '../../../../src/http/clock.js';
import type { PreparedReply } from '../../../../src/http/serialise.js';
import { itemOf, StoredResponse, VaryMarker } from '../../../../src/proxy/cache/stored-response.js';
import { fieldOf, NOW_MS, stored, textOf } from '../../../helpers/cached-responses.js';
import { PlacedText } from '../../../helpers/placed-text.js';

describe('proxy/cache/stored-response', () => {
  const response = stored(200, ['Cache-Control: max-age=60', 'Age: 10', 'X: \xe9']);

  it('is fresh for what is left of its lifetime', () => {
    expect(response.isFresh(NOW_MS + 49_999)).to.equal(true);
    expect(response.isFresh(NOW_MS + 50_000)).to.equal(false);
    expect(stored(200, ['Cache-Control: max-age=60, no-cache']).isFresh(NOW_MS)).to.equal(false);
  });

  it('gets no younger when the clock is set back', () => {
    expect(response.ageLine(NOW_MS - 5000)).to.equal('Age: 10\r\n');
  });

  it('has one reply for a second, and another for the next', () => {
    const clock = new Clock(NOW_MS, 0);
    const hit = (): PreparedReply => response.hit(clock, false) as PreparedReply;
    const first = hit();
    clock.update(NOW_MS + 999, 999);
    expect(hit()).to.equal(first);
    clock.update(NOW_MS + 1000, 1000);
    const second = hit();
    expect([fieldOf(first, 'age'), fieldOf(second, 'age')]).to.deep.equal(['10', '11']);
    expect(fieldOf(second, 'cache-status')).to.equal('handover; hit; ttl=49');
    expect(Buffer.concat(second.wire(clock, '')).toString('latin1')).to.match(
      /^HTTP\/1.1 200 OK\r\nCache-Control.*content$/s,
    );
  });

  it('has no body for HEAD', () => {
    expect(response.hit(new Clock(NOW_MS, 0), true)?.body).to.equal(null);
  });

  it('has a file for each reply when its body lies elsewhere, until that is gone', () => {
    const place = new PlacedText('content');
    const placed = new StoredResponse(response, place);
    const clock = new Clock(NOW_MS, 0);
    const reply = placed.hit(clock, false)!;
    expect(reply).to.include({ status: 200, cache: 'HIT', isRelayed: true });
    expect([textOf(reply), fieldOf(reply, 'age')]).to.deep.equal(['content', '10']);
    expect(placed.sizeBytes).to.equal(new StoredResponse(response, Buffer.alloc(0)).sizeBytes);
    place.isGone = true;
    expect(placed.hit(clock, false)).to.equal(undefined);
    expect(placed.hit(clock, true)?.body).to.equal(null);
    place.end();
  });

  it('is the same when it has been bytes', () => {
    const again = itemOf(response.headBytes(), response.body);
    expect(again).to.be.instanceOf(StoredResponse);
    expect(again).to.deep.include({
      status: 200,
      fields: response.fields,
      receivedMs: NOW_MS,
      initialAgeMs: 10_000,
    });
    const marker = new VaryMarker('g', ['a', 'b']);
    expect(itemOf(marker.headBytes(), Buffer.alloc(0))).to.deep.equal(marker);
  });

  it('is nothing when the bytes are something else', () => {
    const heads = [
      '',
      '{}',
      '[2,"vary","g",[]]',
      '[1,"vary","g",[1]]',
      '[1,"response",200,1,"x",[]]',
      '[1,"response",200,1,1,[["a"]]]',
    ];
    for (const head of heads) expect(itemOf(Buffer.from(head), Buffer.alloc(0)), head).to.equal(undefined);
  });
});
