/**
 * One request over HTTP/2 and its response: from the fields to a head, through the same handler as on
 * HTTP/1.1, and back. Counted before it leaves; a response that cannot be whole ends in RST_STREAM.
 *
 *     begin ──► (receiving a body) ──► answering ──► sending ──► gone
 *                                               └── reset ──┘
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { messageOf } from '../errors.js';
import type { Asker } from '../http/asker.js';
import { BodyError, type BodySource } from '../http/body-source.js';
import { errorReply } from '../http/error-reply.js';
import type { Forwarded } from '../http/forwarded.js';
import { h2Head } from '../http/h2-request.js';
import { h2Fields, h2InterimFields } from '../http/h2-response.js';
import { HeadParser } from '../http/head-parser.js';
import type { FileBody, Reply, StreamBody } from '../http/reply.js';
import { fieldBit, RequestHead } from '../http/request-head.js';
import type { Peer } from '../transport/connection.js';
import { FlushWaiter } from '../transport/flush-waiter.js';
import { ChunkWriter } from '../transport/secure/chunk-writer.js';
import type { SecureServices } from '../transport/secure/secure-connection.js';
import type { Timed } from './deadlines.js';
import type { Exchange } from './exchange.js';
import { H2Body } from './h2-body.js';
import { bodyLength, discard, isFileBody, isStreamBody, piecesOf, timingLine } from './outbox.js';
import { MIN_BODY_RATE } from './session.js';
import type { SessionContext } from './session-context.js';

/** What a stream asks of the session that it belongs to. */
export interface StreamOwner {
  readonly peer: Peer;
  readonly context: SessionContext;
  readonly services: SecureServices;
  /** Bytes of the stream have left. */
  progressed(): void;
  /** The client has taken nothing of a response for too long. */
  stalled(): void;
  /** The stream is gone. */
  ended(stream: Http2Stream): void;
}

type State = 'receiving' | 'answering' | 'sending' | 'gone';

const PROTOCOL = 'HTTP/2.0';
const EXPECT = fieldBit('expect');
/** How often it is looked whether the client still takes what it is sent. */
const CHECK_MS = 1000;
/** So much may wait for the client before an upstream is held back. */
const HIGH_WATER_BYTES = 128 * 1024;
/**
 * So many frames may wait on a connection before interim responses are left out: they need no leave of the client's
 * (RFC 9113 section 6.9), and each may have 16 KB. As much as HTTP/1.1 lets wait.
 */
const MAX_WAITING_FRAMES = 16;
const TOO_LARGE = 'The body is larger than this server takes.';

export class Http2Stream implements Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  bucketPlace = 0;
  readonly #stream: ServerHttp2Stream;
  readonly #owner: StreamOwner;
  readonly #writer: ChunkWriter;
  #state: State = 'receiving';
  #exchange: Exchange | undefined;
  /** The request whose body is being read. */
  #receiving: RequestHead | undefined;
  #startedMs: number;
  #receivedBytes = 0;
  /** Bytes of the body that have left. */
  #sentBytes = 0;
  /** When the client last took some of them, or the response began. */
  #takenMs = 0;
  /** Bytes of a body on disk that the file pump has written. */
  #pumpedBytes = 0;
  #isWhole = false;
  readonly #flush = new FlushWaiter();
  #body: H2Body | undefined;
  /** Where the response comes from, if it comes from elsewhere. */
  #source: BodySource | undefined;
  #gone: (() => void) | undefined;

  constructor(stream: ServerHttp2Stream, owner: StreamOwner) {
    this.#stream = stream;
    this.#owner = owner;
    this.#startedMs = owner.context.clock.steadyMs;
    this.#writer = new ChunkWriter(stream, (bytes) => this.#taken(bytes));
    // What it means is told by 'close', which follows.
    stream.on('error', () => undefined);
    stream.on('finish', () => {
      // Node ends the stream itself when the client takes its request back, and it finishes if nothing waits.
      this.#isWhole = !stream.aborted;
    });
    stream.on('close', () => this.abandon());
  }

  /** @param hasBody the client has not ended its direction with the head */
  begin(fields: readonly string[], hasBody: boolean): void {
    const built = h2Head(fields);
    if ('error' in built) {
      this.#refuse(built.error.status, built.error.message, new RequestHead(0));
      return;
    }
    const parser = new HeadParser(this.#owner.context.limits);
    const { head } = parser;
    if (parser.parse(built.bytes, 0, built.bytes.length) !== built.bytes.length) {
      const { status, message } = parser.error ?? { status: 400, message: 'malformed head' };
      this.#refuse(status, message, head);
      return;
    }
    const forwarded = this.#owner.context.forwarder?.find(head);
    if (forwarded !== undefined) this.#forward(head, hasBody, forwarded);
    else if (hasBody) this.#receive(head);
    else this.#answer(head);
  }

  onDeadline(): void {
    const { context } = this.#owner;
    context.tick();
    switch (this.#state) {
      case 'receiving':
        context.recorder.timedOut();
        this.#refuse(408, 'The request did not come in time.', this.#receiving!);
        return;
      case 'answering':
        context.recorder.timedOut();
        this.#body?.breakOff(new BodyError(408, 'The request did not come in time.'));
        return;
      case 'sending':
        this.#checkProgress();
    }
  }

  /** For the file pump. */
  write(bytes: Uint8Array): void {
    this.#writer.add(bytes);
    this.#pumpedBytes += bytes.length;
    if (this.#pumpedBytes === bodyLength(this.#exchange!.reply)) this.#writer.end();
    else this.#writer.flush();
  }

  /** For the file pump: resolves when all that was written has left, or the stream is gone (false). */
  async flushed(): Promise<boolean> {
    if (this.#state === 'sending' && this.#writer.unsentBytes > 0) await this.#flush.wait();
    return this.#state === 'sending';
  }

  #receive(head: RequestHead): void {
    const { limits } = this.#owner.context;
    this.#receiving = head.retain();
    // Nobody here wants the body; what comes of it is taken off the connection in every case.
    this.#stream.on('data', (bytes: Buffer) => this.#onContent(bytes.length));
    this.#stream.on('end', () => {
      this.#owner.context.tick();
      if (this.#state === 'receiving') this.#answer(this.#receiving!);
    });
    if (head.contentLength > limits.maxBodyBytes) {
      this.#refuse(413, TOO_LARGE, head);
      return;
    }
    if (head.has(EXPECT)) this.#stream.additionalHeaders({ ':status': 100 });
    this.#armBody();
  }

  #onContent(length: number): void {
    const { context } = this.#owner;
    context.tick();
    this.#receivedBytes += length;
    if (this.#state !== 'receiving') return;
    if (this.#receivedBytes > context.limits.maxBodyBytes) this.#refuse(413, TOO_LARGE, this.#receiving!);
    else this.#armBody();
  }

  /** The request is for another server, and its body is passed on as it comes. */
  #forward(head: RequestHead, hasBody: boolean, { maxBodyBytes, idleMs, answer }: Forwarded): void {
    if (head.contentLength > maxBodyBytes) {
      this.#refuse(413, TOO_LARGE, head);
      return;
    }
    if (hasBody) {
      if (head.has(EXPECT)) this.#stream.additionalHeaders({ ':status': 100 });
      this.#receiving = head.retain();
      this.#body = new H2Body(this.#stream, maxBodyBytes, (isAwaited) => this.#awaitBody(isAwaited, idleMs));
    }
    const asker: Asker = {
      peer: this.#owner.peer,
      secure: true,
      body: this.#body,
      onGone: (callback) => {
        this.#gone = callback;
      },
      interim: (status, lines) => this.#interim(status, lines),
    };
    this.#answer(head, () => answer(asker));
  }

  #interim(status: number, lines: string): void {
    const stream = this.#stream;
    if (this.#state !== 'answering' || stream.destroyed || stream.closed || stream.headersSent) return;
    if ((stream.session?.state.outboundQueueSize ?? 0) >= MAX_WAITING_FRAMES) return;
    try {
      stream.additionalHeaders(h2InterimFields(status, lines));
    } catch (error) {
      // Fields that HTTP/2 does not have: the response is not the worse for it.
      this.#owner.context.report(`an interim response could not be sent: ${messageOf(error)}`);
    }
  }

  #awaitBody(isAwaited: boolean, idleMs?: number): void {
    const { deadlines, limits, clock, tick } = this.#owner.context;
    tick();
    if (this.#state !== 'answering') return;
    if (isAwaited) deadlines.arm(this, clock.steadyMs + (idleMs ?? limits.bodyMs));
    else deadlines.disarm(this);
  }

  #answer(head: RequestHead, respond?: () => Reply | Promise<Reply>): void {
    const { context, peer } = this.#owner;
    this.#begun(head);
    const headOnly = head.method === 'HEAD';
    const failed = (error: unknown): Reply => {
      context.report(`a request could not be answered: ${messageOf(error)}`);
      return errorReply(500, '', { headOnly });
    };
    let answer: Reply | Promise<Reply>;
    try {
      answer = respond === undefined ? context.respond(head, { peer }) : respond();
    } catch (error) {
      answer = failed(error);
    }
    if (!(answer instanceof Promise)) this.#reply(answer);
    else
      answer.then(
        (reply) => this.#reply(reply),
        (error) => this.#reply(failed(error)),
      );
  }

  #refuse(status: number, message: string, head: RequestHead): void {
    this.#begun(head);
    this.#reply(errorReply(status, message, { headOnly: head.method === 'HEAD' }));
  }

  #begun(head: RequestHead): void {
    const { context, peer } = this.#owner;
    context.deadlines.disarm(this);
    this.#state = 'answering';
    this.#exchange = context.recorder.begin(head, { peer }, PROTOCOL);
  }

  /** Counts the reply, and sends it when that is on record. */
  #reply(reply: Reply): void {
    const { context, services } = this.#owner;
    if (this.#state !== 'answering') {
      discard(reply);
      return;
    }
    context.tick();
    context.recorder.count(this.#exchange!, reply);
    services.transport.afterCommit(() => {
      if (this.#state !== 'answering' || this.#stream.destroyed || this.#stream.closed) discard(reply);
      else this.#send(reply);
    });
  }

  #send(reply: Reply): void {
    const { clock, serverTiming, report } = this.#owner.context;
    const { body } = reply;
    this.#state = 'sending';
    const timing = serverTiming ? timingLine(reply, clock.steadyMs - this.#exchange!.startedMs) : '';
    try {
      this.#stream.respond(h2Fields(reply, clock, timing), { endStream: body === null });
    } catch (error) {
      report(`a response could not be sent: ${messageOf(error)}`);
      discard(reply);
      this.#reset('no response');
      return;
    }
    this.#armWrite();
    if (body === null) this.#letGo();
    else if (isFileBody(body)) this.#sendFromDisk(body);
    else if (isStreamBody(body)) this.#sendStream(body);
    else {
      for (const bytes of piecesOf(body)) this.#writer.add(bytes);
      this.#writer.end();
    }
  }

  #sendFromDisk(body: FileBody): void {
    const { context, services } = this.#owner;
    services.pump.send(this, body.file, body.parts).then(
      (outcome) => {
        if (this.#state !== 'sending') return;
        context.tick();
        // Nothing at all was written of a file without content.
        if (outcome === 'sent' && !this.#stream.writableEnded) this.#writer.end();
        if (outcome === 'changed') {
          context.report('a file changed while it was sent; the response was cut');
          this.#reset('the file changed');
        }
      },
      (error) => {
        context.report(`a file could not be read while it was sent: ${messageOf(error)}`);
        this.#reset('the file cannot be read');
      },
    );
  }

  /** A body that comes from elsewhere, no faster than the client takes it. */
  #sendStream({ source, length = Number.POSITIVE_INFINITY }: StreamBody): void {
    let left = length;
    const cut = (error: Error): void => {
      if (this.#state !== 'sending') return;
      source.cancel();
      this.#owner.context.report(`a response was cut: ${error.message}`);
      this.#reset('the response cannot be whole');
    };
    this.#source = source;
    source.start({
      data: (bytes) => {
        left -= bytes.length;
        this.#writer.add(bytes);
        if (left === 0) {
          this.#writer.end();
          return;
        }
        this.#writer.flush();
        if (this.#writer.unsentBytes > HIGH_WATER_BYTES) source.pause();
      },
      end: () => {
        if (left > 0 && left !== Number.POSITIVE_INFINITY) cut(new Error('it is shorter than was announced'));
        else if (left !== 0 || length === 0) this.#writer.end();
      },
      fail: (error) => {
        if (left !== 0) cut(error);
      },
    });
  }

  #taken(bytes: number): void {
    if (this.#state !== 'sending') return;
    this.#owner.context.tick();
    this.#sentBytes += bytes;
    this.#owner.progressed();
    this.#armWrite();
    if (this.#writer.unsentBytes <= HIGH_WATER_BYTES / 2) this.#source?.resume();
    if (this.#writer.unsentBytes > 0) return;
    this.#flush.settle();
    if (this.#stream.writableFinished) this.#letGo();
  }

  /** The response is whole. A client that is still sending its body need not go on (RFC 9113 section 8.1). */
  #letGo(): void {
    if (!this.#stream.readableEnded && this.#receiving !== undefined) {
      this.#stream.close(constants.NGHTTP2_NO_ERROR);
    }
  }

  /**
   * Ends the stream so that nobody can take the response for whole: RST_STREAM with INTERNAL_ERROR. (Node's
   * `close(code)` would send END_STREAM first.)
   */
  #reset(why: string): void {
    if (this.#state === 'gone') return;
    this.#stream.destroy(new Error(why));
  }

  #checkProgress(): void {
    const { context, stalled } = this.#owner;
    const { recorder, clock, limits, deadlines } = context;
    if (this.#stream.closed) {
      // The client has taken the request back, with NO_ERROR: node would wait for writes that are never done.
      this.#stream.destroy();
    } else if (this.#source !== undefined && this.#writer.unsentBytes === 0) {
      // It is the upstream that is waited for.
      this.#armWrite();
    } else if (clock.steadyMs >= this.#takenMs + limits.writeMs) {
      recorder.timedOut();
      stalled();
      this.#reset('the client takes nothing');
    } else deadlines.arm(this, Math.min(clock.steadyMs + CHECK_MS, this.#takenMs + limits.writeMs));
  }

  #armBody(): void {
    const { deadlines, limits } = this.#owner.context;
    const earnedMs = (this.#receivedBytes / MIN_BODY_RATE) * 1000;
    deadlines.arm(this, this.#startedMs + limits.bodyMs + earnedMs);
  }

  #armWrite(): void {
    const { deadlines, clock } = this.#owner.context;
    this.#takenMs = clock.steadyMs;
    deadlines.arm(this, clock.steadyMs + CHECK_MS);
  }

  /** The stream is gone, or its connection, of which node tells the streams later: finishes what was under way. */
  abandon(): void {
    const { context, ended } = this.#owner;
    if (this.#state === 'gone') return;
    const exchange = this.#exchange;
    context.tick();
    this.#state = 'gone';
    context.deadlines.disarm(this);
    this.#flush.settle();
    this.#source?.cancel();
    this.#gone?.();
    if (exchange !== undefined) {
      if (!this.#isWhole) context.recorder.aborted();
      context.recorder.finish(exchange, Math.min(this.#sentBytes, bodyLength(exchange.reply)));
    }
    ended(this);
  }
}
