import { PortableMasterTransport } from '../../src/transport/portable/master-side.js';
import { describeTransport } from './transport.contract.js';

describeTransport('portable', () => new PortableMasterTransport());
