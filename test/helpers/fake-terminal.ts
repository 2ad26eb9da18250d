/** A terminal that keeps what is said. */
import type { Terminal } from '../../src/cli/terminal.js';

export class FakeTerminal implements Terminal {
  said = '';
  complaints = '';
  readonly columns = 80;
  readonly colour: boolean;
  readonly isInteractive: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;

  constructor(
    cwd: string,
    options: { isInteractive?: boolean; env?: Readonly<Record<string, string>> } = {},
  ) {
    this.cwd = cwd;
    this.colour = options.isInteractive === true;
    this.isInteractive = options.isInteractive === true;
    this.env = options.env ?? {};
  }

  out(text: string): void {
    this.said += text;
  }

  err(text: string): void {
    this.complaints += text;
  }
}
