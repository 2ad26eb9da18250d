/** Whether a run was what was meant. One that was not does not count. Pure. */
import type { Cost } from '../measure.js';
import { number } from '../report/cells.js';
import type { Expected } from './ask.js';
import type { CpuCase } from './case.js';
import type { ToolCount } from './tools.js';

/** Heads are not all of one length: a server may say whether it had the answer in its cache. */
const HEAD_BYTES = 32;
/** HTTP/1.0, which ab speaks, may make a head this much longer. */
const OLD_HEAD_BYTES = 256;

/** What is wrong with what a load tool has counted; empty when nothing is. */
export function toolProblems(one: CpuCase, count: ToolCount, expected: Expected): readonly string[] {
  const { responses, badStatus, errors, bytes } = count;
  if (responses === 0) return ['not one answer'];
  const wanted = one.kind === 'requests' && one.status === 404 ? responses : 0;
  const { least, most } = byteRange(one, responses, expected);
  return [
    ...(errors === 0 ? [] : [`${number(errors)} broken connections, timeouts or wrong lengths`]),
    ...(badStatus === wanted ? [] : [`${number(badStatus)} of ${number(responses)} answers are errors`]),
    ...(bytes >= least && bytes <= most
      ? []
      : [`answers of ${number(bytes / responses)} bytes, not ${number(expected.bytes)}`]),
  ];
}

/** wrk counts the bytes of those responses too that are under way at its end. */
function byteRange(one: CpuCase, responses: number, { bytes, bodyBytes }: Expected) {
  if (one.kind === 'requests' && one.tool === 'ab') {
    return { least: responses * bodyBytes, most: responses * (bytes + OLD_HEAD_BYTES) };
  }
  const pipeline = one.kind === 'requests' ? one.pipeline : 1;
  const underWay = one.connections * pipeline;
  return {
    least: responses * (bytes - HEAD_BYTES),
    most: (responses + underWay) * (bytes + HEAD_BYTES),
  };
}

/** What is wrong with a server after a run; empty when nothing is. */
export function serverProblems(cost: Cost, failure: string | undefined): readonly string[] {
  if (failure !== undefined) return [failure];
  if (cost.serverCpuUs === null) return ['the system does not tell CPU times'];
  return cost.serverProcessesEnded === 0 ? [] : [`${cost.serverProcessesEnded} of its processes ended`];
}
