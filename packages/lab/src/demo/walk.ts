import { expectEqual, Mismatch, textAt, valueAt } from './expectations.js';
import { callHttp, type HttpAnswer } from './http-call.js';
import type { Narrator } from './narrator.js';
import type { SecretValues } from './secrets.js';
import { duration, jsonLines, pick } from './text-layout.js';

/** Somebody with an API key. */
export interface Person {
  name: string;
  key: string;
}

export interface Call {
  /** The status that the contract promises; anything else fails the step. */
  status: number;
  body?: unknown;
  accept?: string;
  /** Members of the answer to print; everything by default. */
  show?: readonly string[];
  /** Paths to members of the answer that are secret, to be masked from now on. */
  hide?: readonly string[];
}

/** What the code of a step gets. */
export interface Step {
  /** Sends a request as this person, prints it and the answer. @throws Mismatch for another status. */
  call(person: Person, request: `${string} ${string}`, call: Call): Promise<HttpAnswer>;
  /** Prints lines of something that was found, for instance rows. */
  show(lines: readonly string[]): void;
  /** Prints a line that is no request of ours, with a mark before it. */
  say(mark: string, text: string): void;
}

export interface StepRecord {
  number: string;
  title: string;
  /** One sentence: what is now known to be true. */
  showed: string;
  isOk: boolean;
  ms: number;
}

export interface Walk {
  /** Runs an act; a failing step ends it. @returns undefined when it did not come to its end. */
  act<Result>(title: string, run: () => Promise<Result>): Promise<Result | undefined>;
  /** @param showed What is true when `run` passes. */
  step<Result>(title: string, showed: string, run: (step: Step) => Promise<Result>): Promise<Result>;
  records: readonly StepRecord[];
}

export interface WalkOptions {
  narrator: Narrator;
  secrets: SecretValues;
  url: string;
  acts: number;
  signal: AbortSignal;
}

const rowsShown = 6;

/** A step failed and said so; the act is over. */
class ActEnded extends Error {
  override name = 'ActEnded';
}

function createStep({ narrator, secrets, url, signal }: WalkOptions): Step {
  const printAnswer = (answer: HttpAnswer, show: Call['show']) => {
    const { status, body, text, bytes } = answer;
    narrator.exchange('←', status === 204 ? '204, no content' : String(status));
    if (body !== undefined) {
      const picked = status >= 400 ? valueAt(body, 'errors.0') : show === undefined ? body : pick(body, show);
      narrator.detail(jsonLines(picked, narrator.width));
    } else if (bytes.length > 0 && !bytes.subarray(0, 4).equals(arrowMark)) {
      const lines = text.trimEnd().split('\n');
      narrator.detail(lines.slice(0, rowsShown).map((line) => line.slice(0, narrator.width)));
      if (lines.length > rowsShown) narrator.detail([`… ${lines.length} lines`]);
    } else if (bytes.length > 0) {
      narrator.detail([`${bytes.length} bytes of Arrow`]);
    }
  };
  return {
    say: narrator.exchange,
    show: narrator.detail,
    async call(person, request, { status, body, accept, show, hide = [] }) {
      const [method = '', path = ''] = request.split(' ');
      narrator.exchange('→', `${request}   as ${person.name}${accept === undefined ? '' : `, ${accept}`}`);
      if (body !== undefined) narrator.detail(jsonLines(body, narrator.width));
      const sent = { ...(body === undefined ? {} : { body }), ...(accept === undefined ? {} : { accept }) };
      const answer = await callHttp({ url: new URL(path, url), method, key: person.key, signal, ...sent });
      if (answer.status < 400) for (const one of hide) secrets.hide(textAt(answer.body, one));
      printAnswer(answer, show);
      expectEqual(`status of ${request}`, answer.status, status);
      expectEqual('secrets in the answer', secrets.countIn(answer.bytes), 0);
      return answer;
    },
  };
}

/** Start of every Arrow IPC message. */
export const arrowMark = Buffer.alloc(4, 0xff);

function printFailure(narrator: Narrator, error: unknown): void {
  const { message } = error instanceof Error ? error : new Error(String(error));
  narrator.bad(message);
  if (!(error instanceof Mismatch)) return;
  const text = (value: unknown) => JSON.stringify(value, null, 1)?.replace(/\n\s*/g, ' ') ?? 'nothing';
  narrator.line(`        expected  ${text(error.expected)}`);
  narrator.line(`        got       ${text(error.got)}`);
}

/** Runs acts and their steps, numbers them, and keeps the score. */
export function createWalk(options: WalkOptions): Walk {
  const { narrator, signal } = options;
  const step = createStep(options);
  const records: StepRecord[] = [];
  let act = 0;
  let stepInAct = 0;
  return {
    records,
    async act(title, run) {
      act += 1;
      stepInAct = 0;
      narrator.heading(`Part ${act} of ${options.acts}: ${title}`);
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof ActEnded)) throw error;
        return undefined;
      }
    },
    async step(title, showed, run) {
      stepInAct += 1;
      const number = `${act}.${stepInAct}`;
      narrator.title(number, title);
      const since = performance.now();
      try {
        signal.throwIfAborted();
        const result = await run(step);
        const ms = performance.now() - since;
        records.push({ number, title, showed, isOk: true, ms });
        narrator.good(showed, ms);
        return result;
      } catch (error) {
        signal.throwIfAborted();
        printFailure(narrator, error);
        const ms = performance.now() - since;
        records.push({ number, title, showed: `FAILED after ${duration(ms)}`, isOk: false, ms });
        throw new ActEnded(title, { cause: error });
      }
    },
  };
}
