/**
 * Numbers of Linux's system interface, from the kernel's headers. All of them are the same on x64 and arm64
 * (asm-generic), and with glibc and musl; where the architectures differ it says so.
 */
import { constants } from 'node:os';

export const {
  EAFNOSUPPORT,
  EAGAIN,
  EINTR,
  ECONNABORTED,
  ECONNRESET,
  EMFILE,
  ENFILE,
  ENOBUFS,
  ENOMEM,
  EOPNOTSUPP,
  EPIPE,
} = constants.errno;

/** socket(2) */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

/** fcntl(2) */
export const F_GETFL = 3;
export const F_SETFL = 4;
export const O_NONBLOCK = 0o4000;

/** setsockopt(2), socket(7), tcp(7), ipv6(7) */
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_SNDBUF = 7;
export const SO_KEEPALIVE = 9;
export const SO_DOMAIN = 39;
export const SCM_RIGHTS = 1;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_DEFER_ACCEPT = 9;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;

/** send(2), recv(2) */
export const MSG_CTRUNC = 0x8;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_CMSG_CLOEXEC = 0x40000000;

/** shutdown(2) */
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

/** epoll_ctl(2) */
export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;

/**
 * `struct epoll_event` in 32-bit words: the events, and where the two words of data begin. It is packed on
 * x64 and on no other architecture (EPOLL_PACKED in linux/eventpoll.h).
 */
export const EPOLL_EVENT_WORDS = process.arch === 'x64' ? 3 : 4;
export const EPOLL_DATA_WORD = process.arch === 'x64' ? 1 : 2;

/** sched_setscheduler(2), and their numbers for syscall(2) */
export const SCHED_OTHER = 0;
export const SCHED_BATCH = 3;
export const SYS_SCHED_GETSCHEDULER = process.arch === 'x64' ? 145 : 120;
export const SYS_SCHED_SETSCHEDULER = process.arch === 'x64' ? 144 : 119;

/** mmap(2), memfd_create(2) */
export const PROT_READ_WRITE = 3;
export const MAP_SHARED = 1;
export const MFD_CLOEXEC = 1;
