/** Bodies that come when the test says so, and takers that write down what they got. */
import type { BodySink, BodySource } from '../../src/http/body-source.js';

export class FakeSource implements BodySource {
  sink: BodySink | undefined;
  paused = false;
  cancelled = false;

  start(sink: BodySink): void {
    if (this.sink !== undefined) throw new Error('started twice');
    this.sink = sink;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  cancel(): void {
    this.cancelled = true;
  }

  data(text: string): this {
    this.sink!.data(Buffer.from(text, 'latin1'));
    return this;
  }
}

export class FakeSink implements BodySink {
  text = '';
  outcome: 'ended' | Error | undefined;

  data(bytes: Uint8Array): void {
    if (this.outcome !== undefined) throw new Error('bytes behind the end');
    this.text += Buffer.from(bytes).toString('latin1');
  }

  end(): void {
    this.#over('ended');
  }

  fail(error: Error): void {
    this.#over(error);
  }

  #over(outcome: 'ended' | Error): void {
    if (this.outcome !== undefined) throw new Error('ended twice');
    this.outcome = outcome;
  }
}
