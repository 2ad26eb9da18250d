import { expect } from 'chai';
import type { Settings } from '../../../src/config/settings.js';
import { type ChosenTransport, chooseTransport } from '../../../src/master/transport-choice.js';

function choose(transport: Settings['transport']): ChosenTransport {
  return chooseTransport({ transport, deferAccept: false } as Settings);
}

describe('master/transport-choice', () => {
  let chosen: ChosenTransport;

  afterEach(() => {
    chosen.transport.close();
    chosen.board.close();
  });

  for (const wanted of ['auto', 'native'] as const) {
    it(`${wanted} is native, with shared memory, where that can be had`, () => {
      chosen = choose(wanted);
      expect(chosen.transport.name).to.equal('native');
      expect(chosen.board.layout).to.equal('map');
      expect(chosen.fallback).to.equal(undefined);
    });
  }

  it('portable is portable, with a file, and no excuse', () => {
    chosen = choose('portable');
    expect(chosen.transport.name).to.equal('portable');
    expect(chosen.board.layout).to.equal('file');
    expect(chosen.fallback).to.equal(undefined);
  });
});
