import { expect } from 'chai';
import { Fill } from '../../../../src/proxy/cache/fill.js';
import { FillRoom } from '../../../../src/proxy/cache/fill-room.js';
import { ScriptedBody, TakenBody } from '../../../helpers/cached-responses.js';

/** Where the pieces go. */
class ScriptedStore {
  isElsewhere = false;
  maxBytes = 100;
  isFull = false;
  text = '';
  #drained: (() => void)[] = [];

  takes(bodyBytes: number): boolean {
    return this.isElsewhere && bodyBytes <= this.maxBytes;
  }

  write(bytes: Uint8Array): boolean {
    this.text += Buffer.from(bytes).toString();
    return !this.isFull;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  async drain(): Promise<void> {
    this.isFull = false;
    for (const resolve of this.#drained.splice(0)) resolve();
    await new Promise(setImmediate);
  }
}

describe('proxy/cache/fill', () => {
  let source: ScriptedBody;
  let whole: string | undefined;
  let room: FillRoom;
  let store: ScriptedStore;

  beforeEach(() => {
    source = new ScriptedBody();
    whole = undefined;
    room = new FillRoom(100);
    store = new ScriptedStore();
  });

  function fillOf(length: number | undefined, maxBytes = 10): Fill {
    const onWhole = (bytes: number, body: Buffer | undefined): boolean => {
      whole = body?.toString() ?? `${bytes} bytes elsewhere`;
      return true;
    };
    const fill = new Fill(source, { length, maxBytes, copyBytes: 4, room, store, onWhole });
    fill.start();
    return fill;
  }

  it('is read as it comes, and stored when it is whole', async () => {
    const fill = fillOf(6);
    const taken = new TakenBody(fill.reader());
    source.send('abc');
    expect(taken.text).to.equal('abc');
    source.send('def');
    expect([taken.text, taken.isEnded, whole]).to.deep.equal(['abcdef', false, undefined]);
    source.sink?.end();
    expect([taken.isEnded, whole, await fill.outcome]).to.deep.equal([true, 'abcdef', 'whole']);
  });

  it('gives late readers everything from the beginning', () => {
    const fill = fillOf(6);
    source.send('abc');
    const late = new TakenBody(fill.reader());
    expect(late.text).to.equal('abc');
    source.send('def');
    source.sink?.end();
    expect([late.text, late.isEnded]).to.deep.equal(['abcdef', true]);
    expect([fill.isJoinable, room.bytes]).to.deep.equal([false, 0]);
  });

  it('waits for no reader while it is for the store', () => {
    const fill = fillOf(6);
    const slow = fill.reader();
    const taken = new TakenBody(slow);
    slow.pause();
    source.send('abc');
    source.send('def');
    source.sink?.end();
    expect([source.isPaused, taken.text, whole]).to.deep.equal([false, '', 'abcdef']);
    slow.resume();
    expect([taken.text, taken.isEnded]).to.deep.equal(['abcdef', true]);
  });

  it('stops giving when a reader pauses in the middle of it', () => {
    const fill = fillOf(6);
    source.send('abc');
    source.send('def');
    const reader = fill.reader();
    const texts: string[] = [];
    const sink = {
      data: (bytes: Uint8Array): void => {
        texts.push(Buffer.from(bytes).toString());
        reader.pause();
      },
      end: (): void => void texts.push('end'),
      fail: (): void => undefined,
    };
    reader.start(sink);
    expect(texts).to.deep.equal(['abc']);
    reader.resume();
    source.sink?.end();
    expect(texts).to.deep.equal(['abc', 'def', 'end']);
  });

  it('is stored though nobody reads it any more', () => {
    const fill = fillOf(3);
    const reader = fill.reader();
    reader.start(new TakenBody(new ScriptedBody()));
    reader.cancel();
    source.send('abc');
    source.sink?.end();
    expect([source.isCancelled, whole]).to.deep.equal([false, 'abc']);
  });

  it('goes on when it turns out too large, as fast as it is taken, and is not stored', async () => {
    const fill = fillOf(undefined, 4);
    const reader = fill.reader();
    const taken = new TakenBody(reader);
    reader.pause();
    source.send('abc');
    source.send('def');
    expect([await fill.outcome, source.isPaused]).to.deep.equal(['unstored', true]);
    reader.resume();
    expect([taken.text, source.isPaused]).to.deep.equal(['abcdef', false]);
    source.send('ghi');
    source.sink?.end();
    expect([taken.text, taken.isEnded, whole]).to.deep.equal(['abcdefghi', true, undefined]);
  });

  it('may end in the very moment in which it is taken', () => {
    const fill = fillOf(undefined, 4);
    const reader = fill.reader();
    const taken = new TakenBody(reader);
    reader.pause();
    source.send('abcdef');
    source.resume = () => source.sink?.end();
    reader.resume();
    expect(taken).to.include({ text: 'abcdef', isEnded: true, error: undefined });
  });

  it('does not wait for somebody to take nothing', () => {
    const fill = fillOf(undefined, 4);
    fill.reader().pause();
    source.send('');
    expect(fill.piece(0)).to.equal(undefined);
  });

  it('is given up when it is too large and nobody reads it', () => {
    const fill = fillOf(undefined, 4);
    const reader = fill.reader();
    source.send('abcdef');
    reader.cancel();
    expect(source.isCancelled).to.equal(true);
  });

  it('breaks for its readers as it broke, and is not stored', async () => {
    const fill = fillOf(6);
    const taken = new TakenBody(fill.reader());
    source.send('abc');
    source.sink?.fail(new Error('cut'));
    expect([taken.error?.message, taken.isEnded, whole, await fill.outcome]).to.deep.equal([
      'cut',
      false,
      undefined,
      'broken',
    ]);
    expect([fill.isJoinable, room.bytes]).to.deep.equal([false, 0]);
  });

  it('is not whole when it is shorter than was announced', () => {
    const fill = fillOf(6);
    const taken = new TakenBody(fill.reader());
    source.send('abc');
    source.sink?.end();
    expect([taken.isEnded, whole]).to.deep.equal([false, undefined]);
    expect(taken.error?.message).to.match(/3 bytes and not 6/);
  });

  it('goes to the store as it comes, and is not held when it is large and lies there', async () => {
    store.isElsewhere = true;
    const fill = fillOf(6);
    const taken = new TakenBody(fill.reader());
    source.send('abc');
    expect([store.text, room.bytes, fill.isJoinable]).to.deep.equal(['abc', 3, true]);
    source.send('de');
    expect([store.text, room.bytes, fill.isJoinable]).to.deep.equal(['abcde', 0, false]);
    source.send('f');
    source.sink?.end();
    expect([whole, taken.text, await fill.outcome]).to.deep.equal(['6 bytes elsewhere', 'abcdef', 'whole']);
  });

  it('holds what a slow reader has not taken, and no more', () => {
    store.isElsewhere = true;
    const reader = fillOf(9).reader();
    const taken = new TakenBody(reader);
    source.send('abc');
    reader.pause();
    source.send('def');
    source.send('ghi');
    expect([source.isPaused, room.bytes]).to.deep.equal([false, 6]);
    source.sink?.end();
    expect([whole, room.bytes]).to.deep.equal(['9 bytes elsewhere', 6]);
    reader.resume();
    expect([taken.text, taken.isEnded, room.bytes]).to.deep.equal(['abcdefghi', true, 0]);
  });

  it('is held whole where there is no other store', () => {
    const taken = new TakenBody(fillOf(6).reader());
    source.send('abcd');
    source.send('ef');
    expect([room.bytes, taken.text]).to.deep.equal([6, 'abcdef']);
    source.sink?.end();
    expect([whole, room.bytes]).to.deep.equal(['abcdef', 0]);
  });

  it('is held whole when it is too large for the store, which gets nothing of it', () => {
    store.isElsewhere = true;
    store.maxBytes = 5;
    fillOf(6);
    source.send('abcdef');
    source.sink?.end();
    expect([store.text, whole]).to.deep.equal(['', 'abcdef']);
  });

  it('is not stored when that is known too late', async () => {
    store.isElsewhere = true;
    store.maxBytes = 5;
    const fill = fillOf(undefined);
    const taken = new TakenBody(fill.reader());
    source.send('abcde');
    source.send('f');
    source.sink?.end();
    expect([store.text, taken.text, taken.isEnded]).to.deep.equal(['abcde', 'abcdef', true]);
    expect([await fill.outcome, whole]).to.deep.equal(['unstored', undefined]);
  });

  it('waits for the store', async () => {
    store.isElsewhere = true;
    fillOf(6);
    store.isFull = true;
    source.send('abc');
    expect(source.isPaused).to.equal(true);
    await store.drain();
    expect(source.isPaused).to.equal(false);
  });

  it('gives its copy up when there is no room for all, and is stored elsewhere', () => {
    store.isElsewhere = true;
    fillOf(3);
    room.add(99);
    source.send('ab');
    source.send('c');
    source.sink?.end();
    expect([whole, room.bytes]).to.deep.equal(['3 bytes elsewhere', 99]);
  });

  it('goes on without being stored when there is no room for what its reader does not take', async () => {
    store.isElsewhere = true;
    const fill = fillOf(9);
    const reader = fill.reader();
    const taken = new TakenBody(reader);
    reader.pause();
    room.add(95);
    source.send('abc');
    source.send('def');
    expect([await fill.outcome, source.isPaused, room.bytes]).to.deep.equal(['unstored', true, 101]);
    reader.resume();
    expect(room.bytes, 'what it has held').to.equal(95);
    reader.pause();
    source.send('ghi');
    expect(room.bytes, 'what goes through').to.equal(95);
    reader.resume();
    source.sink?.end();
    expect([taken.text, taken.isEnded, whole, room.bytes]).to.deep.equal(['abcdefghi', true, undefined, 95]);
  });

  it('is unstored when the store has not kept it', async () => {
    const onWhole = async (): Promise<boolean> => false;
    const fill = new Fill(source, { length: 3, maxBytes: 10, copyBytes: 4, room, store, onWhole });
    fill.start();
    source.send('abc');
    source.sink?.end();
    expect(await fill.outcome).to.equal('unstored');
  });

  it('can be joined only while it will surely be stored', () => {
    expect(fillOf(6).isJoinable).to.equal(true);
    expect(fillOf(undefined).isJoinable).to.equal(false);
  });
});
