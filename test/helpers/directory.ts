/** A directory for one test: filled as the test says, removed when it is over. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class TestDirectory {
  /** Absolute and real. */
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'handover-test-')));

  /** `files`: content by relative path; a path that ends in `/` is an empty directory. */
  constructor(files: Readonly<Record<string, string | Buffer>> = {}) {
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  /** Returns the absolute path. */
  write(name: string, content: string | Buffer): string {
    const path = this.at(name);
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(path, content);
    return path;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
