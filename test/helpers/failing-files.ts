/** File handles whose calls fail when the test says so, as on a disk that is broken or full. */
import { type FileHandle, open } from 'node:fs/promises';

type Call = 'datasync' | 'sync' | 'truncate' | 'write';

// biome-ignore lint/suspicious/noExplicitAny: whatever they take and give
type Methods = Record<Call, (...args: any[]) => Promise<unknown>>;

export class FailingFiles {
  readonly #methods: Methods;
  readonly #genuine = new Map<Call, Methods[Call]>();
  readonly calls: Call[] = [];

  private constructor(methods: Methods) {
    this.#methods = methods;
  }

  /** Of this whole process, until `restore`. */
  static async begin(): Promise<FailingFiles> {
    const file: FileHandle = await open('/dev/null', 'r');
    await file.close();
    return new FailingFiles(Object.getPrototypeOf(file) as Methods);
  }

  /** Calls of these kinds are noted from now on, and the next so many of each fail: nothing is done then. */
  fail(code: string, times: number, ...calls: readonly Call[]): void {
    for (const call of calls) {
      const genuine = this.#genuine.get(call) ?? this.#methods[call];
      this.#genuine.set(call, genuine);
      const { calls: noted } = this;
      let left = times;
      this.#methods[call] = async function (this: FileHandle, ...args: unknown[]) {
        noted.push(call);
        if (left-- <= 0) return genuine.apply(this, args);
        throw Object.assign(new Error(`${code}: ${call}`), { code });
      };
    }
  }

  restore(): void {
    for (const [call, genuine] of this.#genuine) this.#methods[call] = genuine;
    this.#genuine.clear();
  }
}
