import { LocalBench, WorkerBench } from '../helpers/token-bench.js';
import { tokensContract } from './tokens.contract.js';

tokensContract('in the process of the arbiter', () => new LocalBench());
tokensContract('of workers', () => new WorkerBench());
