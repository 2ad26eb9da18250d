import { expect } from 'chai';
import { digestOf } from '../../helpers/job-content.js';
import {
  type CrowdPlan,
  JobsCrowd,
  JobsCrowdProcesses,
  jobsOf,
  partsOf,
  resultsOf,
  tally,
} from '../../helpers/jobs-crowd.js';
import { PartsReceiver } from '../../helpers/parts-receiver.js';
import { Processes } from '../../helpers/processes.js';

const SIZES = [1, 70_000, 0, 3000, 2 * 1024 * 1024];

describe('helpers/jobs-crowd', () => {
  let receiver: PartsReceiver;
  let processes: Processes;
  const plan = (changes: Partial<CrowdPlan> = {}): CrowdPlan => ({
    ports: [changes.protocol === 'tcp' ? receiver.tcpPort : receiver.httpPort],
    protocol: 'http',
    jobs: 3,
    clients: 4,
    sizes: SIZES,
    ...changes,
  });
  const allOf = (a: CrowdPlan) => Array.from({ length: a.jobs * a.clients }, (_, i) => partsOf(a, i)).flat();

  beforeEach(async () => {
    receiver = new PartsReceiver();
    processes = new Processes();
    await receiver.start();
  });
  afterEach(async () => {
    await processes.end();
    await receiver.stop();
  });

  /** Every part of the plan is with the receiver, as it was sent, and nothing else is. */
  function expectAll(a: CrowdPlan): void {
    const sent = new Map(allOf(a).map((part) => [`${part.job}/${part.part}`, digestOf(part)]));
    expect(sent.size).to.equal(a.jobs * a.clients * a.sizes.length);
    expect([...receiver.parts].sort()).to.deep.equal([...sent].sort());
  }

  it('sends every part over HTTP, each client on one connection', async () => {
    const crowd = new JobsCrowd(plan({ chunkedEvery: 3 }));
    expect(tally(await crowd.send())).to.deep.equal({ 'accepted 201': 60 });
    expectAll(plan());
    expect(receiver.connections).to.equal(12);
    expect(tally(await crowd.send()), 'once more').to.deep.equal({ 'accepted 200': 60 });
  });

  it('sends every part over raw TCP, each on its own connection', async () => {
    const crowd = new JobsCrowd(plan({ protocol: 'tcp' }));
    await crowd.connect();
    expect(tally(await crowd.send())).to.deep.equal({ 'accepted OK': 60 });
    expectAll(plan());
    expect(receiver.connections).to.equal(60);
  });

  it('sends from several processes', async () => {
    const crowd = await JobsCrowdProcesses.start(processes, plan({ clients: 40, sizes: [10, 20] }), 3);
    await crowd.connect();
    expect(tally(await crowd.send())).to.deep.equal({ 'accepted 201': 240 });
    expectAll(plan({ clients: 40, sizes: [10, 20] }));
    expect(receiver.connections).to.equal(120);
  });

  it('says when a connection cannot be made', async () => {
    const nowhere = { ...plan(), ports: [1] };
    const crowd = await JobsCrowdProcesses.start(processes, nowhere, 1);
    const failure = await crowd.connect().catch(String);
    expect(failure).to.match(/ECONNREFUSED/);
    expect(tally(await new JobsCrowd(nowhere).send())).to.deep.equal({ lost: 60 });
  });

  for (const protocol of ['http', 'tcp'] as const) {
    it(`breaks parts off in the middle, and then sends them whole (${protocol})`, async () => {
      const broken = plan({ protocol, brokenEvery: 4, sizes: [4 * 1024 * 1024, 5] });
      const outcomes = await new JobsCrowd(broken).send();
      const accepted = protocol === 'http' ? 'accepted 201' : 'accepted OK';
      expect(tally(outcomes)).to.deep.equal({ [accepted]: 24, left: 3 });
      expectAll(plan({ sizes: broken.sizes }));
      expect(receiver.broken).to.be.at.least(1);
    });

    it(`tells of refusals, by code (${protocol})`, async () => {
      const first = partsOf(plan(), 0)[0]!;
      receiver.parts.set(`${first.job}/${first.part}`, { bytes: 1, sha256: 'another' });
      const outcomes = await new JobsCrowd(plan({ protocol })).send();
      const [refused] = outcomes.filter(({ ending }) => ending === 'refused');
      expect(refused).to.include({
        ...first,
        text: protocol === 'http' ? '409 part-differs' : 'part-differs',
      });
      expect(outcomes.filter(({ ending }) => ending === 'accepted')).to.have.lengthOf(59);
    });

    it(`tells of parts that are not answered, and does not send them again (${protocol})`, async () => {
      const part = allOf(plan()).find(({ bytes }) => bytes > 1_000_000)!;
      receiver.cutAfter.set(`${part.job}/${part.part}`, 500_000);
      const outcomes = await new JobsCrowd(plan({ protocol })).send();
      expect(outcomes.filter(({ ending }) => ending === 'lost').map((lost) => lost.part)).to.deep.equal([
        part.part,
      ]);
      expect(receiver.parts.has(`${part.job}/${part.part}`)).to.equal(false);
    });

    it(`does not believe a receipt for something else (${protocol})`, async () => {
      const part = partsOf(plan(), 5)[1]!;
      receiver.flaws.add(`${part.job}/${part.part}`);
      const outcomes = await new JobsCrowd(plan({ protocol })).send();
      expect(outcomes.filter(({ ending }) => ending === 'wrong').map((one) => one.part)).to.deep.equal([
        part.part,
      ]);
    });

    it(`has a token where one is needed (${protocol})`, async () => {
      await receiver.stop();
      receiver = new PartsReceiver('secret');
      await receiver.start();
      const accepted = protocol === 'http' ? 'accepted 201' : 'accepted OK';
      const refused = protocol === 'http' ? 'refused 401 unauthorized' : 'refused unauthorized';
      expect(tally(await new JobsCrowd(plan({ protocol })).send())).to.deep.equal({ [refused]: 60 });
      expect(tally(await new JobsCrowd(plan({ protocol, token: 'secret' })).send())).to.deep.equal({
        [accepted]: 60,
      });
    });
  }

  it('knows what each job must become, also when clients roam', () => {
    for (const roams of [false, true]) {
      const results = resultsOf(plan({ roams }));
      expect([...results.keys()]).to.deep.equal(jobsOf(plan()));
      const parts = allOf(plan({ roams })).filter(({ job }) => job === 'job-1');
      expect(parts).to.have.lengthOf(20);
      // Their numbers stand in their names: this is the order of the names, too.
      const inOrder = parts.toSorted((a, b) => (a.part < b.part ? -1 : 1));
      expect(results.get('job-1')).to.deep.equal({ ...digestOf(...inOrder), parts: 20 });
    }
    expect(
      partsOf(plan({ roams: true }), 0)
        .map(({ job }) => job)
        .slice(0, 4),
    ).to.deep.equal(['job-0', 'job-1', 'job-2', 'job-0']);
  });
});
