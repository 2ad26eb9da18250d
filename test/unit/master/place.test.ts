import { once } from 'node:events';
import { expect } from 'chai';
import { HandoverError } from '../../../src/errors.js';
import { refuseOthersStatistics } from '../../../src/master/place.js';
import { TestDirectory } from '../../helpers/directory.js';
import { Processes } from '../../helpers/processes.js';
import { statsDocument } from '../../helpers/stats-document.js';

describe('master/place: whose statistics are there', () => {
  let directory: TestDirectory;
  const processes = new Processes();
  beforeEach(() => {
    directory = new TestDirectory();
  });
  afterEach(async () => {
    directory.remove();
    await processes.end();
  });

  const refuse = (): void => refuseOthersStatistics(directory.at('statFile.txt'));
  const written = (pid: number, ageMs = 0, intervalMs = 1000): void => {
    const time = new Date(Date.now() - ageMs).toISOString();
    const document = { ...statsDocument(), time, intervalMs, master: { pid, rssBytes: 1 } };
    directory.write('stats.json', JSON.stringify(document));
  };

  it('another server\u2019s, when they are new and it runs', () => {
    written(process.ppid);
    expect(refuse).to.throw(HandoverError, `written by another handover (pid ${process.ppid})`);
    written(process.ppid, 60_000, 60_000);
    expect(refuse).to.throw(HandoverError);
  });

  it('nobody\u2019s, when they are old, our own, or no statistics', () => {
    expect(refuse).to.not.throw();
    written(process.ppid, 60_000);
    expect(refuse).to.not.throw();
    written(process.pid);
    expect(refuse).to.not.throw();
    for (const text of ['', 'null', '[]', '{"master":1}', '{"master":{"pid":1}}']) {
      directory.write('stats.json', text);
      expect(refuse, text).to.not.throw();
    }
  });

  it('nobody\u2019s, when their server has ended and nobody has waited for it', async () => {
    const child = await processes.start('zombie.js', []);
    const [zombie] = await once(child, 'message');
    written(Number(zombie));
    expect(refuse).to.not.throw();
  });
});
