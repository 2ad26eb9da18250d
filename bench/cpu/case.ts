/** What `npm run bench:cpu` measures: loads so light on the client that the server is what is measured. */

export interface CpuCase {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** wrk keeps its connections; ab opens one for each request. */
  readonly tool: 'wrk' | 'ab';
  readonly connections: number;
}

/** Sizes and numbers of connections as in the prototypes that the design is based on. They do not change. */
export const CPU_CASES: readonly CpuCase[] = [
  { name: 'keep-alive-1k', path: '/1k.txt', sizeBytes: 1024, tool: 'wrk', connections: 64 },
  { name: 'keep-alive-10k', path: '/10k.txt', sizeBytes: 10240, tool: 'wrk', connections: 64 },
  { name: 'per-request-1k', path: '/1k.txt', sizeBytes: 1024, tool: 'ab', connections: 100 },
  { name: 'per-request-10k', path: '/10k.txt', sizeBytes: 10240, tool: 'ab', connections: 100 },
];
