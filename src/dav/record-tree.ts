/**
 * Small JSON records beside the files they belong to: a tree of directories below `.handover` that mirrors the document
 * root, so that what is known of a whole tree is removed or moved in one step with it. Records are replaced by
 * rename and are durable when a call resolves. Who may change them when is for the callers (a write token).
 *
 *     properties/+docs/+a.txt/record.json        of /docs/a.txt
 *     properties/#<SHA-256 of a longer name>/…
 */
import { hash, randomBytes } from 'node:crypto';
import { cp, mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../durable.js';
import { HandoverError, systemCode } from '../errors.js';

/** Decoded names from the root down. */
export type Segments = readonly string[];

const RECORD = 'record.json';
/** Not the name of a record's directory: those begin with `+` or `#`. */
const TEMPORARY = '.new-';
/** With the `+`, a name may have 255 bytes. */
const MAX_NAME_BYTES = 254;
const ATTEMPTS = 10;

/** @typeParam T what a record holds; plain data */
export class RecordTree<T extends object> {
  readonly #directory: string;
  readonly #isRecord: (value: unknown) => value is T;

  /** @param isRecord tells a record from garbage */
  constructor(directory: string, isRecord: (value: unknown) => value is T) {
    this.#directory = directory;
    this.#isRecord = isRecord;
  }

  /** The record of a file or directory; undefined: it has none. Rejects with HandoverError when it is garbage. */
  async get(of: Segments): Promise<T | undefined> {
    return this.#read(this.#at(of));
  }

  /** The same for many at one moment: each directory is asked once, so that what has no record costs nothing. */
  snapshot(): (of: Segments) => Promise<T | undefined> {
    const names = new Map<string, Promise<ReadonlySet<string>>>();
    const records = new Map<string, Promise<T | undefined>>();
    const namesOf = (path: string): Promise<ReadonlySet<string>> =>
      remembered(names, path, async () => new Set(await namesIn(path)));
    return async (of) => {
      let path = this.#directory;
      for (const segment of of) {
        const name = directoryNameOf(segment);
        if (!(await namesOf(path)).has(name)) return undefined;
        path = join(path, name);
      }
      return remembered(records, path, () => this.#read(path));
    };
  }

  /** The records of all that lies below, but not of itself. */
  async below(of: Segments): Promise<T[]> {
    const records: T[] = [];
    const pending = [this.#at(of)];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      for (const name of await namesIn(path)) {
        const child = join(path, name);
        const record = await this.#read(child);
        if (record !== undefined) records.push(record);
        pending.push(child);
      }
    }
    return records;
  }

  /** Writes a record, or removes it. */
  async set(of: Segments, record: T | undefined): Promise<void> {
    const path = this.#at(of);
    if (record === undefined) {
      await rm(join(path, RECORD), { force: true });
      await this.#prune(of);
      return;
    }
    const text = JSON.stringify(record);
    // Whoever removes a record beside it may find its directory empty just now, and remove that.
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#write(path, text);
      } catch (error) {
        if (attempt === ATTEMPTS || systemCode(error) !== 'ENOENT') throw error;
      }
    }
  }

  /** Removes the records of a file or directory and of all below. */
  async remove(of: Segments): Promise<void> {
    await rm(this.#at(of), { recursive: true, force: true });
    await this.#prune(of);
  }

  /** Moves them, in place of what is known there. */
  async move(from: Segments, to: Segments): Promise<void> {
    await this.remove(to);
    const target = this.#at(to);
    await makeDirectories(this.#directory, dirname(target));
    if (!(await isThere(rename(this.#at(from), target)))) return this.#prune(to);
    await syncDirectory(dirname(target));
    await this.#prune(from);
  }

  /** Copies them, in place of what is known there. `isDeep`: with all below. */
  async copy(from: Segments, to: Segments, isDeep: boolean): Promise<void> {
    await this.remove(to);
    if (!isDeep) return this.set(to, await this.get(from));
    const target = this.#at(to);
    await makeDirectories(this.#directory, dirname(target));
    if (!(await isThere(cp(this.#at(from), target, { recursive: true })))) return this.#prune(to);
    await syncDirectory(dirname(target));
  }

  #at(of: Segments): string {
    return join(this.#directory, ...of.map(directoryNameOf));
  }

  async #write(path: string, text: string): Promise<void> {
    await makeDirectories(this.#directory, path);
    const temporary = join(path, `${TEMPORARY}${randomBytes(8).toString('hex')}`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(path, RECORD));
    await syncDirectory(path);
  }

  async #read(path: string): Promise<T | undefined> {
    const file = join(path, RECORD);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
    const value = parsed(text);
    if (this.#isRecord(value)) return value;
    throw new HandoverError('bad-record', `${file}: this is no record of WebDAV; remove it`);
  }

  /** Removes directories that hold nothing any more, from this one up. */
  async #prune(of: Segments): Promise<void> {
    for (let depth = of.length; depth > 0; depth--) {
      try {
        await rmdir(this.#at(of.slice(0, depth)));
      } catch (error) {
        if (isAbsent(error)) continue;
        // Somebody else's record is in it.
        if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(error))) return;
        throw error;
      }
    }
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

/** One name of Unicode stands for all its forms, as it does in tokens. */
function directoryNameOf(segment: string): string {
  const name = segment.normalize('NFC');
  return Buffer.byteLength(name) <= MAX_NAME_BYTES ? `+${name}` : `#${hash('sha256', name)}`;
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).filter((name) => name.startsWith('+') || name.startsWith('#'));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Makes what is missing of a path below `top`, durably. */
async function makeDirectories(top: string, path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
  if (first.length < top.length) await syncDirectory(dirname(first));
}

/** False when what it works on is not there. */
async function isThere(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemCode(error));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
