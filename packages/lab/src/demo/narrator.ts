import { styleText } from 'node:util';
import type { SecretValues } from './secrets.js';
import { duration, wrap } from './text-layout.js';

/** Where the demo tells its story: a terminal, or a file or pipe that gets plain text. */
export interface Narrator {
  /** Characters that a line may have. */
  columns: number;
  /** Characters that a line of a request or an answer may have. */
  width: number;
  /** A part of the demo. */
  heading(text: string): void;
  /** What is about to happen. */
  title(number: string, text: string): void;
  /** One line of a request or an answer, indented. `mark` is one character. */
  exchange(mark: string, text: string): void;
  detail(lines: readonly string[]): void;
  good(text: string, ms?: number): void;
  bad(text: string): void;
  /** As it is, without indentation. */
  line(text?: string): void;
  /** A line without masking: what the user needs to continue by hand. */
  reveal(text: string): void;
  /** Shows progress of something slow, and its end. */
  during<Result>(text: string, work: () => Promise<Result>): Promise<Result>;
}

const widthMax = 118;
const eraseLine = '\r\u001b[2K';

type Style = Parameters<typeof styleText>[0];

/** A terminal, a file, a pipe; standard output is one. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** @param secrets Masked in everything that is written. */
export function createNarrator(output: Output, secrets: SecretValues): Narrator {
  const isTerminal = output.isTTY === true;
  const hasColours = isTerminal && !process.env['NO_COLOR'];
  const style = (format: Style, text: string) => (hasColours ? styleText(format, text) : text);
  const columns = isTerminal ? Math.min(output.columns || 80, widthMax) : widthMax;
  const print = (text: string) => output.write(secrets.mask(text));
  const line = (text = '') => void print(`${text}\n`);
  const timed = (ms: number | undefined) => (ms === undefined ? '' : style('dim', `  ${duration(ms)}`));
  const good = (text: string, ms?: number) => {
    const [first = '', ...more] = wrap(text, columns - 16);
    const all = [first, ...more.map((one) => `        ${one}`)];
    line(`      ${style('green', '✓')} ${all.join('\n')}${timed(ms)}`);
  };
  return {
    columns,
    width: columns - 8,
    line,
    reveal: (text) => void output.write(`${text}\n`),
    good,
    heading: (text) => line(`\n${style('bold', text)}`),
    title: (number, text) => line(`\n  ${style('cyan', number)} ${text}`),
    exchange: (mark, text) => line(`      ${style('blue', mark)} ${text}`),
    detail(lines) {
      for (const one of lines) line(`        ${style('dim', one)}`);
    },
    bad(text) {
      line(`      ${style(['bold', 'red'], '✗')} ${text}`);
    },
    async during(text, work) {
      const since = performance.now();
      if (isTerminal) print(`  … ${text}`);
      try {
        const result = await work();
        const done = `  ${style('green', '✓')} ${text}${timed(performance.now() - since)}`;
        line(`${isTerminal ? eraseLine : ''}${done}`);
        return result;
      } catch (error) {
        line(`${isTerminal ? eraseLine : ''}  ${style('red', '✗')} ${text}`);
        throw error;
      }
    },
  };
}
