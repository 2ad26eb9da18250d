/** The program as npm installs it where it has no binary of koffi: without that package. */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestDirectory } from './directory.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const LEFT_OUT = new Set(['koffi', '@koromix']);

/** Makes the tree; returns the path of a compiled file of `src/` in it. */
export function treeWithoutKoffi(directory: TestDirectory): (file: string) => string {
  const root = directory.at('program');
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  // Not by links: what is loaded would look for its packages where it really is.
  cpSync(join(ROOT, 'dist/src'), join(root, 'dist/src'), { recursive: true });
  for (const name of ['package.json', 'www']) symlinkSync(join(ROOT, name), join(root, name));
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!LEFT_OUT.has(name)) symlinkSync(join(ROOT, 'node_modules', name), join(root, 'node_modules', name));
  }
  return (file) => join(root, 'dist/src', file);
}
