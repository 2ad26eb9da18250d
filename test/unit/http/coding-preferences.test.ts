import { expect } from 'chai';
import { CodingPreferences } from '../../../src/http/coding-preferences.js';
import { headOf } from '../../helpers/heads.js';

describe('http/coding-preferences', () => {
  const asking = (value?: string) => headOf('GET', '/', { 'Accept-Encoding': value });

  it('are one object for one text, and for none', () => {
    const preferences = new CodingPreferences();
    const gzip = preferences.of(asking('gzip'));
    expect(preferences.of(asking('gzip'))).to.equal(gzip);
    expect(preferences.of(asking('br'))).to.not.equal(gzip);
    expect(preferences.of(asking())).to.equal(preferences.of(asking()));
  });

  it('are forgotten when there are many texts, and still right', () => {
    const preferences = new CodingPreferences();
    const first = preferences.of(asking('gzip'));
    for (let i = 0; i < 300; i++) preferences.of(asking(`gzip, x${i}`));
    const again = preferences.of(asking('gzip'));
    expect(again).to.not.equal(first);
    expect(again).to.deep.equal(first);
  });
});
