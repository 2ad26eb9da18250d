/**
 * A document root made for one test, with a directory beside it that must never be served.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LookupRules } from '../../src/files/found.js';

export class SiteTree {
  readonly #base = realpathSync(mkdtempSync(join(tmpdir(), 'handover-site-')));
  readonly root = join(this.#base, 'root');
  /** Outside the root, and with a name that begins as the root's does. */
  readonly outside = join(this.#base, 'root-secret');

  constructor() {
    // For tests that give up the rights of root.
    chmodSync(this.#base, 0o755);
    mkdirSync(this.root);
    mkdirSync(this.outside);
  }

  /** Writes a file below the root, directories included. Returns its path. */
  file(name: string, content: string | Uint8Array = name): string {
    const path = join(this.root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** Path of a name below the root. */
  at(name: string): string {
    return join(this.root, name);
  }

  directory(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Makes a symbolic link below the root. */
  link(name: string, target: string): string {
    const path = join(this.root, name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
    return path;
  }

  /** Sets a file's mtime, in seconds since the epoch. */
  touch(name: string, mtimeSeconds: number): void {
    utimesSync(join(this.root, name), mtimeSeconds, mtimeSeconds);
  }

  rules(overrides: Partial<LookupRules> = {}): LookupRules {
    return {
      root: this.root,
      indexFiles: ['index.html'],
      autoindex: false,
      cleanUrls: false,
      dotfiles: 'hide',
      followSymlinks: 'inside',
      withheld: [],
      maxBodyBytes: 1_000_000,
      ...overrides,
    };
  }

  remove(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }
}

const NOBODY = 65_534;

/**
 * Runs a synchronous action without the rights of root, who may read everything. Whoever is not root
 * has no such rights to begin with.
 */
export function unprivileged<T>(action: () => T): T {
  if (process.geteuid?.() !== 0) return action();
  process.seteuid!(NOBODY);
  try {
    return action();
  } finally {
    process.seteuid!(0);
  }
}

/** A clock far enough ahead that everything written so far has settled. */
export function settledClock(): number {
  return Date.now() + 60_000;
}
