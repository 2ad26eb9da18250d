/** A share of a crowd that sends parts of jobs. Arguments: plan (JSON), index of the share, number of shares. */
import { type CrowdPlan, type CrowdReply, type CrowdRequest, JobsCrowd } from './jobs-crowd.js';

const [plan = '', index = '', of = ''] = process.argv.slice(2);
const crowd = new JobsCrowd(JSON.parse(plan) as CrowdPlan, { index: Number(index), of: Number(of) });

async function answer(request: CrowdRequest): Promise<CrowdReply> {
  try {
    if (request === 'send') return { outcomes: await crowd.send() };
    await crowd.connect();
    return { connected: true };
  } catch (error) {
    return { failed: String(error) };
  }
}

process.on('message', (request: CrowdRequest) => void answer(request).then((reply) => process.send?.(reply)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
