import { expect } from 'chai';
import { answerPurge, isPurge } from '../../../src/proxy/purge.js';
import { type Fields, headOf } from '../../helpers/heads.js';

describe('proxy/purge', () => {
  let purged: (readonly string[])[];

  beforeEach(() => {
    purged = [];
  });

  async function status(address: string, fields: Fields = {}, wasStored = true): Promise<number> {
    const cache = {
      purge: async (keys: readonly string[]) => {
        purged.push(keys);
        return wasStored;
      },
    };
    const head = headOf('PURGE', '/a', fields);
    return (await answerPurge(cache, head, ['k'], { address, port: 1, listener: 0 })).status;
  }

  it('is a method of its own', () => {
    expect(isPurge(headOf('PURGE', '/a'))).to.equal(true);
    for (const method of ['GET', 'purge', 'PURGES', 'DELETE']) {
      expect(isPurge(headOf(method, '/a')), method).to.equal(false);
    }
  });

  it('is for this machine', async () => {
    for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1', 'unix:']) {
      expect(await status(address), address).to.equal(200);
    }
    expect(purged).to.have.lengthOf(5);
  });

  it('says when there was nothing', async () => {
    expect(await status('127.0.0.1', {}, false)).to.equal(404);
  });

  it('is for nobody else, nor through a proxy on this machine', async () => {
    for (const address of ['10.0.0.1', '::2', '::ffff:10.0.0.1', '']) {
      expect(await status(address), address).to.equal(403);
    }
    for (const name of ['X-Forwarded-For', 'Via', 'Forwarded']) {
      expect(await status('127.0.0.1', { [name]: 'x' }), name).to.equal(403);
    }
    expect(purged).to.deep.equal([]);
  });
});
