import { answerLines } from './answer-text.js';
import { expectEqual, Mismatch, textAt } from './expectations.js';
import { callHttp, type HttpAnswer } from './http-call.js';
import type { Narrator } from './narrator.js';
import type { SecretValues } from './secrets.js';
import { jsonLines } from './text-layout.js';

/** A user with an API key. */
export interface User {
  name: string;
  key: string;
}

/** A user without an API key. */
export type Newcomer = Pick<User, 'name'>;

export interface Call {
  /** The status that the contract promises; anything else fails the step. */
  status: number;
  body?: unknown;
  accept?: string;
  /** Paths to members of the answer to print; everything by default. */
  show?: readonly string[];
  /** Paths to members of the answer that are secret, to be masked from now on. */
  hide?: readonly string[];
}

/** What the code of a step gets. */
export interface Step {
  /** Sends a request as this user; prints it and the answer. @throws Mismatch for another status. */
  call(user: User | Newcomer, request: `${string} ${string}`, call: Call): Promise<HttpAnswer>;
  /** Prints lines of something that was found, for instance rows. */
  show(lines: readonly string[]): void;
  /** Prints a line with a mark before it: anything but our own requests. */
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

const callSeconds = 60;
const mismatchLengthMax = 1000;
/** `200 ` before the first line of an answer. */
const statusWidth = 4;

/** A step failed and said so; the act is over. */
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
    async call(user, request, { status, body, accept, show, hide = [] }) {
      const [method = '', path = ''] = request.split(' ');
      const wants = accept === undefined ? '' : `, accepts ${accept}`;
      narrator.exchange('→', `${request}  (${user.name}${wants})`);
      if (body !== undefined) narrator.detail(jsonLines(maskIn(body), width));
      const sent = { ...(body === undefined ? {} : { body }), ...(accept === undefined ? {} : { accept }) };
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]);
      const key = 'key' in user ? { key: user.key } : {};
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
        records.push({ number, title, showed: messageOf(error), isOk: false, ms });
        throw new ActEnded(title, { cause: error });
      }
    },
  };
}
