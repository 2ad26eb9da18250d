/**
 * The functions of the C library that are called, as they are declared in their manual pages. Each call is
 * synchronous and none may block: descriptors are non-blocking throughout. About 0.25 microseconds each,
 * on top of what the kernel takes.
 */
import { getSystemErrorName } from 'node:util';
import { type Koffi, loadKoffi } from './koffi.js';

/** Memory that the kernel reads or fills during the call: a view of any kind, or an address. */
export type Memory = NodeJS.TypedArray | bigint | null;

/** -1 and an errno on failure, as the manual pages say; `errno` must be asked at once. */
export interface Libc {
  readonly errno: () => number;
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, fds: Memory): number;
  bind(fd: number, address: Memory, length: number): number;
  connect(fd: number, address: Memory, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Memory, length: Memory, flags: number): number;
  getsockname(fd: number, address: Memory, length: Memory): number;
  getpeername(fd: number, address: Memory, length: Memory): number;
  getsockopt(fd: number, level: number, option: number, value: Memory, length: Memory): number;
  setsockopt(fd: number, level: number, option: number, value: Memory, length: number): number;
  fcntl(fd: number, command: number, value: number): number;
  shutdown(fd: number, how: number): number;
  recv(fd: number, buffer: Memory, length: number, flags: number): number;
  send(fd: number, buffer: Memory, length: number, flags: number): number;
  sendmsg(fd: number, message: Memory, flags: number): number;
  recvmsg(fd: number, message: Memory, flags: number): number;
  sendfile(to: number, from: number, offset: Memory, count: number): number;
  close(fd: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Memory): number;
  epoll_wait(epoll: number, events: Memory, count: number, timeoutMs: number): number;
  memfd_create(name: string, flags: number): number;
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): bigint;
  munmap(address: bigint, length: number): number;
  syscall(number: number, pid: number, policy: number, parameters: Memory): number;
}

const DECLARATIONS: Readonly<Record<Exclude<keyof Libc, 'errno'>, string>> = {
  socket: 'int socket(int, int, int)',
  socketpair: 'int socketpair(int, int, int, void *)',
  bind: 'int bind(int, const void *, uint32_t)',
  connect: 'int connect(int, const void *, uint32_t)',
  listen: 'int listen(int, int)',
  accept4: 'int accept4(int, void *, void *, int)',
  getsockname: 'int getsockname(int, void *, void *)',
  getpeername: 'int getpeername(int, void *, void *)',
  getsockopt: 'int getsockopt(int, int, int, void *, void *)',
  setsockopt: 'int setsockopt(int, int, int, const void *, uint32_t)',
  // Variadic in C, as syscall.
  fcntl: 'int fcntl(int, int, long)',
  shutdown: 'int shutdown(int, int)',
  recv: 'intptr_t recv(int, void *, size_t, int)',
  send: 'intptr_t send(int, const void *, size_t, int)',
  sendmsg: 'intptr_t sendmsg(int, const void *, int)',
  recvmsg: 'intptr_t recvmsg(int, void *, int)',
  sendfile: 'intptr_t sendfile(int, int, void *, size_t)',
  close: 'int close(int)',
  epoll_create1: 'int epoll_create1(int)',
  epoll_ctl: 'int epoll_ctl(int, int, int, void *)',
  epoll_wait: 'int epoll_wait(int, void *, int, int)',
  memfd_create: 'int memfd_create(const char *, unsigned int)',
  // `off_t` has 64 bits on both architectures.
  mmap: 'void *mmap(void *, size_t, int, int, int, int64_t)',
  munmap: 'int munmap(void *, size_t)',
  // Variadic in C, which is the same to callees on both architectures for three words.
  syscall: 'long syscall(long, long, long, const void *)',
};

let bound: Libc | undefined;

/** @throws HandoverError with the code NO_NATIVE_CALLS where there is no koffi, or a function is missing */
export function libc(): Libc {
  bound ??= bind(loadKoffi());
  return bound;
}

function bind(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const functions = Object.entries(DECLARATIONS).map(([name, text]) => [name, library.func(text)]);
  return { ...Object.fromEntries(functions), errno: () => koffi.errno() } as Libc;
}

/** What a call said, or the errno with its sign changed, as the kernel itself returns it. */
export function resultOf(result: number): number {
  return result >= 0 ? result : -libc().errno();
}

/** What a call said. @throws the system's error, like node's own, when it failed */
export function checked(syscall: string, result: number): number {
  if (result >= 0) return result;
  throw systemError(syscall, -libc().errno());
}

/** An error like node's own: `code`, `errno` (negative), `syscall`. */
export function systemError(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno, syscall });
}
