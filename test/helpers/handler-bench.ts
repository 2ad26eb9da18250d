/** A static handler over fake tasks, asked as a session asks it: with a head that is only lent. */

import type { ErrorPage } from '../../src/config/settings.js';
import { StaticHandler } from '../../src/files/handler.js';
import { Monitoring, type MonitoringSettings } from '../../src/files/monitoring.js';
import { ResourceMaker } from '../../src/files/resource.js';
import { ResponseRules, type ResponseSettings } from '../../src/files/response-rules.js';
import { ResourceStore } from '../../src/files/store.js';
import { Clock } from '../../src/http/clock.js';
import type { Reply } from '../../src/http/reply.js';
import { FakeTasks, MODIFIED_MS } from './fake-tasks.js';
import { borrowedHead, type Fields, spoil } from './heads.js';

export interface HandlerSettings {
  readonly rules?: Partial<ResponseSettings>;
  readonly errorPages?: readonly ErrorPage[];
  readonly spa?: string;
  readonly monitoring?: Partial<MonitoringSettings>;
}

/** Nobody is at this directory, so no page of the server's own is found there. */
const NOWHERE = '/nonexistent';

export class HandlerBench {
  readonly tasks = new FakeTasks();
  readonly clock = new Clock(MODIFIED_MS + 3_600_000, 0);
  readonly reports: string[] = [];
  readonly handler: StaticHandler;

  constructor(settings: HandlerSettings = {}) {
    const rules = new ResponseRules({ cacheControl: [], headers: [], cors: [], ...settings.rules });
    const report = (problem: string): void => void this.reports.push(problem);
    const store = new ResourceStore({
      tasks: this.tasks,
      maker: new ResourceMaker(rules, true),
      clock: this.clock,
      maxBytes: 1024 * 1024,
      revalidateMs: 1000,
      maxCompressions: 8,
      onEvict: () => undefined,
      report,
    });
    const monitoring = new Monitoring({
      documentRoot: NOWHERE,
      statsFile: `${NOWHERE}-stats/statFile.txt`,
      statsAllow: ['127.0.0.1'],
      healthPath: '/healthz',
      dashboardRoot: NOWHERE,
      ...settings.monitoring,
    });
    this.handler = new StaticHandler({
      store,
      tasks: this.tasks,
      rules,
      monitoring,
      clock: this.clock,
      dotfiles: 'hide',
      errorPages: settings.errorPages ?? [],
      spa: settings.spa ?? '',
      report,
    });
  }

  /** The reply, or the promise of one. */
  ask(target: string, fields: Fields = {}, method = 'GET'): Reply | Promise<Reply> {
    const from = { peer: { address: '127.0.0.1', port: 1, listener: 0 } };
    const reply = this.handler.handle(borrowedHead(method, target, fields), from);
    spoil();
    return reply;
  }

  async get(target: string, fields: Fields = {}): Promise<Reply> {
    return this.ask(target, fields);
  }

  async head(target: string, fields: Fields = {}): Promise<Reply> {
    return this.ask(target, fields, 'HEAD');
  }

  pass(ms: number): void {
    this.clock.update(this.clock.nowMs + ms, this.clock.steadyMs + ms);
  }
}
