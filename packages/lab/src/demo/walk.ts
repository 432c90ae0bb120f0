import { answerLines } from './answer-text.js';
import { expectEqual, Mismatch, textAt } from './expectations.js';
import { callHttp, type HttpAnswer } from './http-call.js';
import type { Narrator } from './narrator.js';
import type { SecretValues } from './secrets.js';
import { jsonLines } from './text-layout.js';

/** A user with an API key. */
export interface Person {
  name: string;
  key: string;
}

/** A user without a key. */
export type Newcomer = Pick<Person, 'name'>;

export interface Call {
  /** The status that the contract promises; anything else fails the step. */
  status: number;
  body?: unknown;
  accept?: string;
  /** Paths of members of the answer to print; default: all. */
  show?: readonly string[];
  /** Paths of secret members of the answer, to mask from now on. */
  hide?: readonly string[];
}

/** For the code of a step. */
export interface Step {
  /** Sends a request as this user and prints request and answer. @throws Mismatch for another status. */
  call(person: Person | Newcomer, request: `${string} ${string}`, call: Call): Promise<HttpAnswer>;
  /** Prints lines of a result, for instance rows. */
  show(lines: readonly string[]): void;
  /** Prints a line that is not a request, after a mark. */
  say(mark: string, text: string): void;
}

export interface StepRecord {
  number: string;
  title: string;
  /** One sentence: what the step has shown. */
  showed: string;
  isOk: boolean;
  ms: number;
}

export interface Walk {
  /** Runs an act; a failing step ends it. @returns undefined if it did not complete. */
  act<Result>(title: string, run: () => Promise<Result>): Promise<Result | undefined>;
  /** @param showed what is true if `run` passes */
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

const callSeconds = 60;
const mismatchLengthMax = 1000;
/** `200 ` before the first line of an answer. */
const statusWidth = 4;

/** A step failed and was reported; the act is over. */
class ActEnded extends Error {
  override name = 'ActEnded';
}

function createStep({ narrator, secrets, url, signal }: WalkOptions): Step {
  const { width } = narrator;
  const maskIn = (value: unknown) => JSON.parse(secrets.mask(JSON.stringify(value))) as unknown;
  const printAnswer = (answer: HttpAnswer, show: Call['show']) => {
    const masked = answer.body === undefined ? answer : { ...answer, body: maskIn(answer.body) };
    const [first = '', ...more] = answerLines(masked, show, width - statusWidth);
    if (more.length === 0) narrator.exchange('←', `${answer.status} ${first}`.trimEnd());
    else narrator.exchange('←', String(answer.status));
    if (more.length > 0) narrator.detail([first, ...more]);
  };
  return {
    say: narrator.exchange,
    show: narrator.detail,
    async call(person, request, { status, body, accept, show, hide = [] }) {
      const [method = '', path = ''] = request.split(' ');
      const wants = accept === undefined ? '' : `, accepts ${accept}`;
      narrator.exchange('→', `${request}  (${person.name}${wants})`);
      if (body !== undefined) narrator.detail(jsonLines(maskIn(body), width));
      const sent = { ...(body === undefined ? {} : { body }), ...(accept === undefined ? {} : { accept }) };
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]);
      const key = 'key' in person ? { key: person.key } : {};
      const target = { url: new URL(path, url), method, ...key, signal: inTime };
      const answer = await callHttp({ ...target, ...sent });
      if (answer.status < 400) for (const one of hide) secrets.hide(textAt(answer.body, one));
      printAnswer(answer, show);
      expectEqual(`status of ${request}`, answer.status, status);
      expectEqual('secrets in the answer', secrets.countIn(answer.bytes), 0);
      return answer;
    },
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function printFailure(narrator: Narrator, error: unknown): void {
  narrator.bad(messageOf(error));
  if (!(error instanceof Mismatch)) return;
  const text = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, mismatchLengthMax);
  narrator.line(`        expected  ${text(error.expected)}`);
  narrator.line(`        got       ${text(error.got)}`);
}

/** Runs and numbers acts and their steps, and records results. */
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
        records.push({ number, title, showed: messageOf(error), isOk: false, ms });
        throw new ActEnded(title, { cause: error });
      }
    },
  };
}
