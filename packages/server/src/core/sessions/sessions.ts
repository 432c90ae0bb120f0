import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Login } from '@mooring/connectors/interface/login';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { abortError } from '@mooring/connectors/kit/deadline';
import type { Findings, Isolation, Visit } from '../isolation/isolation.js';
import type { Encoded } from '../streams/encoded-rows.js';
import type { Execute } from './execute.js';
import type { Finding } from './finding.js';
import type { Task } from './session-work.js';

export interface SessionRequest {
  manifest: SourceManifest;
  /** Definition properties. */
  properties: Readonly<Record<string, unknown>>;
  login: Login;
  signal: AbortSignal;
  /** The source must have signed us in, and sent something, within this time; the use itself may take longer. */
  provenWithinMs?: number;
}

export interface SourceVisit extends Visit {
  /** Space of the connection; null for a personal or unsaved one. Decides the network policy. */
  spaceId: string | null;
}

/** A slot within the concurrency limits, for one use. */
export interface Entry {
  /**
   * Executes the task in a session of the login, opened with the first chunk requested and closed at the end.
   * @param onFound gets the events of the session
   */
  work(request: SessionRequest, task: Task, onFound?: (finding: Finding) => void): Encoded;
  /** A session is open, and the source has sent something. */
  isProven(): boolean;
  /** When the work on the source began, in milliseconds of the monotonic clock; undefined before. */
  begunAt(): number | undefined;
}

export interface SessionDependencies {
  execute: Execute;
  isolation: Isolation;
  settings: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const isCancelled = (error: unknown): boolean =>
  error instanceof ConnectorError && error.kind === 'cancelled';

/** True for a failure that shows that the source was not reached, unless it was reached before. */
function isMiss(error: unknown, signal: AbortSignal): boolean {
  if (!(error instanceof ConnectorError)) return false;
  if (error.kind === 'unreachable' || error.kind === 'timeout') return true;
  // Some drivers report a timeout like a cancelled call.
  return error.kind === 'cancelled' && signal.aborted && abortError(signal).kind === 'timeout';
}

/** The same login, which notes whether its tokens were available. */
function watchTokens(login: Login) {
  const { token } = login;
  if (token === undefined) return { login, isAtFault: () => false, failureOfOurs: () => undefined };
  let pending = 0;
  let hasFailed = false;
  let ofOurs: unknown;
  return {
    isAtFault: () => hasFailed || pending > 0,
    /** Why there was no token, where this server is the cause: a connector would report it as its own failure. */
    failureOfOurs: () => ofOurs,
    login: {
      ...login,
      async token(options) {
        pending += 1;
        try {
          return await token(options);
        } catch (error) {
          hasFailed = true;
          if (!(error instanceof ConnectorError)) ofOurs = error;
          throw error;
        } finally {
          pending -= 1;
        }
      },
    } satisfies Login,
  };
}

/** The source must prove itself within the time. Starting a runner and loading the driver do not count. */
function createProof(ms: number | undefined, isProven: () => boolean) {
  const cut = new AbortController();
  const unproven = () => {
    if (!isProven()) cut.abort(new ConnectorError('timeout', 'The source did not answer in time.'));
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: cut.signal,
    begin() {
      if (ms !== undefined) timer ??= setTimeout(unproven, ms);
    },
    end: () => clearTimeout(timer),
  };
}

export type Sessions = ReturnType<typeof createSessions>;

/**
 * Every use opens its own session and closes it. Nothing is pooled, so nothing of one user (login, session state,
 * temporary tables) can reach another.
 *
 * `enter` acts within the concurrency limits, and always releases them. A crowd in front of a source must not load the
 * store and the vault either, so this comes before a use is recorded and its login opened. It throws as
 * `Isolation.enter`, and what `act` throws. `openCount` are the sessions that are open now, for metrics and for draining.
 */
export function createSessions({ execute, isolation, settings }: SessionDependencies) {
  let openCount = 0;

  /** Some drivers connect when a session is opened, others with its first request: a source is reached after both. */
  const enterWith = <Result>(
    visit: SourceVisit,
    findings: Findings,
    act: (entry: Entry) => Promise<Result>,
  ): Promise<Result> => {
    const found = new Set<Finding['kind']>();
    let begunAt: number | undefined;
    const note = (finding: Finding) => {
      found.add(finding.kind);
      if (finding.kind === 'begun') begunAt ??= performance.now();
      if (finding.kind === 'missed') findings.missed();
      if (found.has('connected') && found.has('opened')) findings.reached();
    };
    const isProven = () => found.has('proven');

    async function* judged(
      request: SessionRequest,
      task: Task,
      note: (finding: Finding) => void,
      begin: (work: Encoded) => void,
    ) {
      const { manifest, properties, provenWithinMs } = request;
      const tokens = watchTokens(request.login);
      const { signal: cut, begin: beginProof, end } = createProof(provenWithinMs, isProven);
      const signal = AbortSignal.any([request.signal, cut]);
      const noteAll = (finding: Finding) => {
        if (finding.kind === 'begun') beginProof();
        note(finding);
      };
      const { method, fields, token } = tokens.login;
      openCount += 1;
      try {
        const plan = {
          ...{ sourceId: manifest.id, definition: properties, settings: settings[manifest.id] ?? {}, task },
          ...{ login: { method, fields }, tellsProof: provenWithinMs !== undefined },
        };
        const encoded = execute(plan, visit, { token, signal, found: noteAll });
        begin(encoded);
        return yield* encoded.chunks;
      } catch (error) {
        const isConnected = found.has('connected');
        // An unreachable identity provider says nothing about the source.
        if (tokens.isAtFault()) findings.excuse();
        // A cancelled use has not waited long enough to conclude that a source which accepts connections is gone.
        else if (isMiss(error, signal)) (cut.aborted && isConnected ? findings.excuse : findings.missed)();
        else if (isConnected && !isCancelled(error)) findings.reached();
        throw tokens.failureOfOurs() ?? error;
      } finally {
        openCount -= 1;
        end();
      }
    }

    return act({
      isProven,
      begunAt: () => begunAt,
      work(request, task, onFound) {
        let counts: Encoded['counts'] = () => ({ rows: 0, bytes: 0 });
        const noteAll = (finding: Finding) => {
          note(finding);
          onFound?.(finding);
        };
        const chunks = judged(request, task, noteAll, (encoded) => {
          counts = encoded.counts;
        });
        return { chunks, counts: () => counts() };
      },
    });
  };

  return {
    openCount: () => openCount,
    enter: <Result>(visit: SourceVisit, signal: AbortSignal, act: (entry: Entry) => Promise<Result>) =>
      isolation.enter(visit, signal, (findings) => enterWith(visit, findings, act)),
  };
}
