import { NativeMasterTransport } from '../../src/transport/native/master-side.js';
import { describeTransport } from './transport.contract.js';

describeTransport('native', () => new NativeMasterTransport(false));
