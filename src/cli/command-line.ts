/** The arguments: which command, which options, which settings. Pure; the values of settings are read in config. */
import { parseArgs } from 'node:util';
import type { Assignment } from '../config/assignment.js';
import { COMMAND_LINE, type ConfigMistake } from '../config/mistake.js';
import { flagOf } from '../config/setting.js';
import { didYouMean } from '../config/suggest.js';
import { ROWS, type Row } from '../config/table.js';
import { COMMANDS, type Command, OPTIONS, type OptionName, SHORT_FLAGS, takesSetting } from './options.js';

export interface CommandLine {
  readonly command: Command;
  /** DIR, the FILE of `check` or `send`, or the URL of `purge`. */
  readonly operand: string | undefined;
  /** All words behind the command: of `get`, the server and the paths; of `jobs`, what and which; of `lock`, the file and the command. */
  readonly operands: readonly string[];
  readonly config: string | undefined;
  /** The options that have a value. */
  readonly values: ReadonlyMap<OptionName, string>;
  /** The options without values that were given. */
  readonly switches: ReadonlySet<OptionName>;
  /** Settings, in the order they were given. */
  readonly flags: readonly Assignment[];
  /** What is wrong with the arguments themselves; the values of settings are not looked at yet. */
  readonly mistakes: readonly ConfigMistake[];
}

type Token = NonNullable<ReturnType<typeof tokensOf>>[number];
type OptionToken = Extract<Token, { readonly kind: 'option' }>;

const ROW_OF_FLAG = new Map(ROWS.map((row) => [flagOf(row.key).slice(2), row]));
const NEGATED = new Map(
  ROWS.filter((row) => row.type.switch !== undefined).map((row) => [`no-${flagOf(row.key).slice(2)}`, row]),
);
const FLAGS = [...ROW_OF_FLAG.keys(), ...NEGATED.keys(), ...Object.keys(OPTIONS)].map((name) => `--${name}`);

/** Reads the arguments that follow the program's name. */
export function parseCommandLine(args: readonly string[], cwd: string): CommandLine {
  const reader = new Reader(cwd);
  const tokens = tokensOf(args);
  let commandsMayCome = true;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token.kind === 'option-terminator') commandsMayCome = false;
    else if (token.kind === 'positional') {
      reader.word(token.value, commandsMayCome);
      commandsMayCome = false;
    } else if (reader.option(token, tokens[at + 1])) at++;
  }
  return reader.result();
}

/** Options without values are declared so that the word after them stays a word of its own. */
function tokensOf(args: readonly string[]) {
  const declared = new Map<string, { type: 'string' | 'boolean'; short?: string }>();
  const declare = (name: string, takesValue: boolean, short: string | undefined): void => {
    declared.set(name, {
      type: takesValue ? 'string' : 'boolean',
      ...(short === undefined ? {} : { short }),
    });
  };
  for (const [name, option] of Object.entries(OPTIONS))
    declare(name, option.placeholder !== undefined && option.mayStandAlone !== true, option.short);
  for (const [flag, row] of ROW_OF_FLAG) declare(flag, row.type.switch === undefined, SHORT_FLAGS[row.name]);
  const options = Object.fromEntries(declared);
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

class Reader {
  readonly #cwd: string;
  readonly #switches = new Set<OptionName>();
  readonly #flags: Assignment[] = [];
  readonly #mistakes: ConfigMistake[] = [];
  readonly #words: string[] = [];
  /** What was given, to be held against what the command takes. */
  readonly #given: { readonly written: string; readonly known: (command: Command) => boolean }[] = [];
  #command: Command = 'serve';
  readonly #values = new Map<OptionName, string>();

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  word(word: string, mayBeCommand: boolean): void {
    const command = COMMANDS.find((name) => name === word && name !== 'serve');
    if (mayBeCommand && command !== undefined) this.#command = command;
    else this.#words.push(word);
  }

  /** True when the next token was this option's value. */
  option(token: OptionToken, next: Token | undefined): boolean {
    const { name } = token;
    const row = ROW_OF_FLAG.get(name);
    if (row !== undefined) return this.#setting(row, token, next);
    const negated = NEGATED.get(name);
    if (negated !== undefined) {
      if (token.value !== undefined)
        this.#refuse(token.rawName, 'takes no value', `write --${name}`, token.value);
      this.#assign(negated, token.rawName, negated.type.switch!.off);
    } else if (isOptionName(name)) this.#general(name, token);
    else this.#refuse(token.rawName, 'unknown option', hintFor(token), token.value);
    return false;
  }

  #setting(row: Row, token: OptionToken, next: Token | undefined): boolean {
    const { switch: alone } = row.type;
    if (alone === undefined) {
      const value = valueGiven(token);
      if (value !== undefined) this.#assign(row, token.rawName, value);
      else this.#refuse(token.rawName, 'needs a value', `write ${token.rawName} ${quoted(row.example)}`);
      return false;
    }
    if (token.value !== undefined) {
      this.#assign(row, token.rawName, token.value);
      return false;
    }
    const follows = next?.kind === 'positional' && alone.takes(next.value) ? next.value : undefined;
    this.#assign(row, token.rawName, follows ?? alone.on);
    return follows !== undefined;
  }

  #general(name: OptionName, token: OptionToken): void {
    const option = OPTIONS[name];
    this.#given.push({ written: token.rawName, known: (command) => option.commands.includes(command) });
    if (option.placeholder === undefined || (option.mayStandAlone && token.value === undefined)) {
      if (token.value !== undefined)
        this.#refuse(token.rawName, 'takes no value', `write --${name}`, token.value);
      this.#switches.add(name);
      return;
    }
    const value = valueGiven(token);
    if (value === undefined || value === '') this.#refuse(token.rawName, 'needs a value');
    else this.#values.set(name, value);
  }

  #assign(row: Row, flag: string, text: string): void {
    const { name } = row;
    this.#given.push({ written: flag, known: (command) => takesSetting(command, name) });
    this.#flags.push({ name, text, key: flag, origin: { kind: 'command line', flag }, base: this.#cwd });
  }

  #refuse(key: string, message: string, hint?: string, value?: string): void {
    this.#mistakes.push({ source: COMMAND_LINE, key, value, message, hint });
  }

  result(): CommandLine {
    const command = this.#command;
    for (const { written, known } of this.#given) {
      if (!known(command)) this.#refuse(written, `means nothing to ${command}`);
    }
    const words = this.#words;
    const [operand, ...rest] = words;
    const takesWord = command === 'serve' || command === 'check' || command === 'purge' || command === 'send';
    const surplus =
      command === 'get' || command === 'jobs' || command === 'lock' ? [] : takesWord ? rest : words;
    for (const word of surplus) {
      this.#refuse(word, takesWord ? 'one word too many' : `${command} takes no word after it`);
    }
    return {
      command,
      operand: takesWord ? operand : undefined,
      operands: words,
      config: this.#values.get('config'),
      values: this.#values,
      switches: this.#switches,
      flags: this.#flags,
      mistakes: this.#mistakes,
    };
  }
}

function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

function hintFor({ name, rawName }: OptionToken): string | undefined {
  const row = name.startsWith('no-') ? ROW_OF_FLAG.get(name.slice(3)) : undefined;
  return row === undefined ? didYouMean(rawName, FLAGS) : `write ${flagOf(row.key)} ${quoted(row.example)}`;
}

/** The value of an option that must have one. `--port --host x`: the next option is not it, but `-` and `-1` may be. */
function valueGiven(token: OptionToken): string | undefined {
  const { value } = token;
  return value !== undefined && !token.inlineValue && /^-[^\d]/.test(value) ? undefined : value;
}

function quoted(example: string): string {
  return /^[\w./:@,-]+$/.test(example) ? example : `'${example}'`;
}
