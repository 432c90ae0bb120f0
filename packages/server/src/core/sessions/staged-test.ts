import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/interface/errors';
import type { Findings } from '@mooring/connectors/interface/session';
import { sourceErrorCode } from '../errors/error-answer.js';
import type { Finding, SessionStage } from './finding.js';
import { sessionStages } from './proof.js';
import type { Entry, SessionRequest } from './sessions.js';

export interface Stage {
  name: string;
  ok: boolean;
  ms?: number;
  code?: string;
  message?: string;
  remedy?: string;
}

export interface TestAnswer {
  ok: boolean;
  stages: Stage[];
  /** What the source has said about itself, where it got that far. */
  findings?: Findings;
}

const shown = ({ code, ...stage }: SessionStage): Stage => ({
  ...stage,
  ...(code ? { code: sourceErrorCode(new ConnectorError(code, '')) } : {}),
});

/** Stages that a driver goes through inside of its sign-in. */
const stageOfKind: Readonly<Partial<Record<ConnectorErrorKind, string>>> = {
  tls_failed: 'tls',
  host_key_refused: 'hostKey',
};

function failed(name: string, error: unknown, ms: number): Stage {
  if (!(error instanceof ConnectorError)) throw error;
  return {
    name: stageOfKind[error.kind] ?? name,
    ok: false,
    ms,
    code: sourceErrorCode(error),
    message: error.message,
    ...(error.remedy ? { remedy: error.remedy } : {}),
  };
}

/**
 * Tests a connection in stages: name, route, tcp, tls or hostKey, signIn, rights, firstRow. Ends at the first that fails; a
 * failing source is an answer, not an error.
 */
export async function testInStages(request: SessionRequest, entry: Entry): Promise<TestAnswer> {
  const { signal } = request;
  const stages: Stage[] = [];
  let since = performance.now();
  let findings: Findings | undefined;
  const note = (finding: Finding) => {
    if (finding.kind === 'identified') ({ findings } = finding);
    if (finding.kind !== 'staged') return;
    since = performance.now();
    stages.push(shown(finding.stage));
  };
  const found = () => (findings && Object.keys(findings).length > 0 ? { findings } : {});
  const task = { kind: 'test' as const };
  try {
    await entry.work(request, task, note).chunks.next();
  } catch (error) {
    const timedOut = signal.aborted && error instanceof ConnectorError && error.kind === 'cancelled';
    const cause = timedOut
      ? new ConnectorError('timeout', 'The source did not answer before the timeout of the test.', {
          remedy: 'Check that the source is up and not overloaded.',
        })
      : error;
    const name = sessionStages[stages.filter((stage) => sessionStages.includes(stage.name as never)).length];
    stages.push(failed(name ?? 'firstRow', cause, Math.round(performance.now() - since)));
    return { ok: false, stages, ...found() };
  }
  return { ok: stages.every(({ ok }) => ok), stages, ...found() };
}
