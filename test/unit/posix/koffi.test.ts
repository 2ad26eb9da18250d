import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { loadKoffi } from '../../../src/posix/koffi.js';
import { libc, resultOf, systemError } from '../../../src/posix/libc.js';
import { TestDirectory } from '../../helpers/directory.js';
import { treeWithoutKoffi } from '../../helpers/tree-without-koffi.js';

const KOFFI = fileURLToPath(new URL('../../../src/posix/koffi.js', import.meta.url));
const LIBC = fileURLToPath(new URL('../../../src/posix/libc.js', import.meta.url));

/** What a module's function throws in a process of its own, twice. */
function thrownBy(file: string, name: string, prelude = ''): unknown {
  const program = `${prelude}
    const { [${JSON.stringify(name)}]: call } = await import(${JSON.stringify(pathToFileURL(file).href)});
    const errors = [1, 2].map(() => {
      try { call(); } catch ({ name, code, message }) { return { name, code, message }; }
    });
    console.log(JSON.stringify(errors));`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }),
  );
}

describe('posix/koffi', () => {
  let directory: TestDirectory;

  beforeEach(() => {
    directory = new TestDirectory();
  });
  afterEach(() => directory.remove());

  it('is loaded once', () => {
    expect(loadKoffi()).to.equal(loadKoffi());
    expect(loadKoffi().load).to.be.a('function');
  });

  it('says why it cannot be loaded, on one line', () => {
    const inTree = treeWithoutKoffi(directory);
    for (const [file, name] of [
      ['posix/koffi.js', 'loadKoffi'],
      ['posix/libc.js', 'libc'],
    ] as const) {
      const errors = thrownBy(inTree(file), name) as { message: string }[];
      expect(errors).to.have.length(2);
      for (const error of errors) {
        expect(error).to.include({ name: 'HandoverError', code: 'NO_NATIVE_CALLS' });
        expect(error.message).to.equal("koffi cannot be loaded: Cannot find module 'koffi'");
      }
    }
  });

  it('is not tried on other systems and processors', () => {
    const other = (key: string, value: string): string =>
      `Object.defineProperty(process, ${JSON.stringify(key)}, { value: ${JSON.stringify(value)} });`;
    const onMac = thrownBy(KOFFI, 'loadKoffi', other('platform', 'darwin'));
    expect(onMac).to.have.nested.property('[0].message', 'it is made for Linux, and this is darwin');
    const on32Bits = thrownBy(LIBC, 'libc', other('arch', 'ia32'));
    expect(on32Bits).to.have.nested.property('[0].message', 'it is made for x64 and arm64, and this is ia32');
    expect(on32Bits).to.have.nested.property('[1].code', 'NO_NATIVE_CALLS');
  });
});

describe('posix/libc', () => {
  it('gives the errno of the call before with its sign changed', () => {
    expect(resultOf(libc().close(999_999))).to.equal(-9);
    expect(resultOf(0)).to.equal(0);
    expect(resultOf(5)).to.equal(5);
  });

  it('makes errors like node’s own', () => {
    const error = systemError('bind', -98);
    expect(error).to.be.instanceOf(Error).that.includes({ code: 'EADDRINUSE', errno: -98, syscall: 'bind' });
    expect(error.message).to.equal('bind EADDRINUSE');
  });
});
