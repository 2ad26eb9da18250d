/** A store of resources over fake tasks, with a clock that only the test moves. */
import { djb2 } from '../../src/cache/djb2.js';
import { type FileResource, type Resource, ResourceMaker } from '../../src/files/resource.js';
import { ResponseRules } from '../../src/files/response-rules.js';
import { ResourceStore, type Stored, type StoreOptions } from '../../src/files/store.js';
import { Clock } from '../../src/http/clock.js';
import { FakeTasks } from './fake-tasks.js';
import { headOf } from './heads.js';

export const REVALIDATE_MS = 1000;
const START_MS = 1_000_000_000_000;

export class StoreBench {
  readonly tasks = new FakeTasks();
  readonly clock = new Clock(START_MS, 0);
  readonly reports: string[] = [];
  readonly store: ResourceStore;
  evictions = 0;

  constructor(overrides: Partial<StoreOptions> = {}) {
    this.store = new ResourceStore({
      tasks: this.tasks,
      maker: new ResourceMaker(new ResponseRules({ cacheControl: [], headers: [], cors: [] }), true),
      clock: this.clock,
      maxBytes: 1024 * 1024,
      revalidateMs: REVALIDATE_MS,
      maxCompressions: 8,
      onEvict: () => this.evictions++,
      report: (problem) => this.reports.push(problem),
      ...overrides,
    });
  }

  pass(ms: number): void {
    this.clock.update(this.clock.nowMs + ms, this.clock.steadyMs + ms);
  }

  get(path: string): Promise<Stored> {
    const key = Buffer.from(path, 'latin1');
    return this.store.get({ key, hash: djb2(key) });
  }

  async state(path: string): Promise<string> {
    return (await this.get(path)).state;
  }

  async file(path: string): Promise<FileResource> {
    const { resource } = await this.get(path);
    if (resource.kind !== 'file') throw new Error(`${path} is ${resource.kind}`);
    return resource;
  }

  fresh(path: string): Resource | undefined {
    return this.store.fresh(headOf('GET', path));
  }
}
