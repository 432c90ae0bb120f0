import type { Login, Retries } from '@mooring/connectors/spec/connector';
import type { Secret } from '@mooring/connectors/spec/secret';
import type { RefusalEvent } from '../egress/gate.js';
import type { EgressSettings } from '../egress/policy.js';
import type { Finding } from '../sessions/finding.js';
import type { Plan } from '../sessions/session-work.js';
import type { StreamOutcome } from '../streams/caps.js';
import { type Order, packError, type Question, type Report, unpackError } from './wire.js';

/** A use in a runner, and the receivers of its output. */
export interface UseInRunner {
  plan: Plan;
  egress: EgressSettings;
  accessToken: Login['accessToken'] | undefined;
  found(finding: Finding): void;
  piece(bytes: Buffer, rows: number): void;
  ended(outcome: StreamOutcome): void;
  failed(error: Error): void;
}

/** Answers what a runner requests for a use: an access token, or permission to retry. */
async function answerOf(question: Question, use: UseInRunner, retries: Retries) {
  const asked: Promise<Secret<string> | boolean> =
    question.kind === 'retry'
      ? retries.take(question.origin)
      : (use.accessToken?.({ renew: question.renew }) ??
        Promise.reject(new Error('This use has no access tokens.')));
  return asked.then(
    (value) => ({ value }),
    (error: unknown) => ({ error: packError(error) }),
  );
}

export interface ReportTargets {
  uses: Map<number, UseInRunner>;
  retries: Retries;
  onRefused(refusal: RefusalEvent): void;
  ready(): void;
  turned(): void;
  answer(order: Order): void;
}

/** Hands what a runner reports to the use it is about. */
export function reportHandlers(targets: ReportTargets) {
  const { uses, retries } = targets;
  const answerTo = async ({ use: id, call, question }: Extract<Report, { kind: 'asked' }>) => {
    const use = uses.get(id);
    if (!use) return;
    const answer = await answerOf(question, use, retries);
    targets.answer({ kind: 'answer', use: id, call, ...answer });
  };
  const hear = (report: Report) => {
    if (report.kind === 'ready') return targets.ready();
    if (report.kind === 'turned') return targets.turned();
    if (report.kind === 'refused') return targets.onRefused(report.refusal);
    if (report.kind === 'asked') return void answerTo(report);
    if (report.kind === 'retries') return retries[report.change](report.origin);
    const use = uses.get(report.use);
    if (report.kind === 'found') return use?.found(report.finding);
    uses.delete(report.use);
    if (report.kind === 'ended') use?.ended(report.outcome);
    else use?.failed(unpackError(report.error));
  };
  return {
    message: (message: unknown) => hear(message as Report),
    chunk: (id: number, piece: Buffer, rows: number) => uses.get(id)?.piece(piece, rows),
  };
}
