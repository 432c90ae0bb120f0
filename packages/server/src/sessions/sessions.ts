import type { Socket } from 'node:net';
import { abortError } from '@mooring/connectors/kit/deadline';
import type { Login, Session } from '@mooring/connectors/spec/connector';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Gate } from '../egress/gate.js';
import type { Findings, Isolation, Visit } from '../isolation/isolation.js';

export interface SessionRequest {
  manifest: SourceManifest;
  /** Definition properties. */
  properties: Readonly<Record<string, unknown>>;
  login: Login;
  signal: AbortSignal;
  /** The source must have signed us in, and said something, within this time; a use that goes on may take longer. */
  provenWithinMs?: number;
}

export interface SourceVisit extends Visit {
  /** Of the connection; null for a personal one and for what is not saved. Decides what the network lets through. */
  spaceId: string | null;
}

/** A place in the budgets, for one use. */
export interface Entry {
  /** What goes out through it counts as an attempt to reach the source. */
  gate: Gate;
  /** Opens a session of the login, hands it to `work`, and closes it whatever happens. */
  open<Result>(request: SessionRequest, work: (session: Session) => Promise<Result>): Promise<Result>;
  /** The source was not reached, as something else than a session found out. */
  missed(): void;
  /** A session is open, and the source has said something. */
  isProven(): boolean;
}

export interface Sessions {
  /**
   * Acts within the budgets, and leaves them whatever happens. A crowd in front of a source must not cost the store
   * and the vault either, so this comes before a use is recorded and its login opened.
   * @throws as `Isolation.enter`, and what `act` throws
   */
  enter<Result>(
    visit: SourceVisit,
    signal: AbortSignal,
    act: (entry: Entry) => Promise<Result>,
  ): Promise<Result>;
  /** Sessions that are open now, for metrics and for draining. */
  openCount(): number;
}

export interface SessionDependencies {
  catalogue: Catalogue;
  gate: Gate;
  isolation: Isolation;
  settings: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const isCancelled = (error: unknown): boolean =>
  error instanceof ConnectorError && error.kind === 'cancelled';

/** True for a failure that shows that the source was not reached, if nothing was heard of it before. */
function isMiss(error: unknown, signal: AbortSignal): boolean {
  if (!(error instanceof ConnectorError)) return false;
  if (error.kind === 'unreachable' || error.kind === 'timeout') return true;
  // Some drivers tell a time limit like a caller who left.
  return error.kind === 'cancelled' && signal.aborted && abortError(signal).kind === 'timeout';
}

interface WatchedLogin {
  login: Login;
  isAtFault(): boolean;
  /** Why there was no token, where that is a matter of this server: a source would take it for its own failure. */
  failureOfOurs(): unknown;
}

/** The same login, with a look at whether its tokens are to be had. */
function watchTokens(login: Login): WatchedLogin {
  const { accessToken } = login;
  if (accessToken === undefined) return { login, isAtFault: () => false, failureOfOurs: () => undefined };
  let pending = 0;
  let hasFailed = false;
  let ofOurs: unknown;
  return {
    isAtFault: () => hasFailed || pending > 0,
    failureOfOurs: () => ofOurs,
    login: {
      ...login,
      async accessToken(options) {
        pending += 1;
        try {
          return await accessToken(options);
        } catch (error) {
          hasFailed = true;
          if (!(error instanceof ConnectorError)) ofOurs = error;
          throw error;
        } finally {
          pending -= 1;
        }
      },
    },
  };
}

/**
 * Every use opens a session of its own and closes it. Nothing is pooled, so nothing of one person (login, session
 * state, temporary tables) can reach another.
 */
export function createSessions({ catalogue, gate, isolation, settings }: SessionDependencies): Sessions {
  let openCount = 0;

  const open = async <Result>(
    { manifest, properties, login, signal }: SessionRequest,
    watch: { gate: Gate; onOpen: () => void },
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> => {
    const connector = await catalogue.connector(manifest);
    const context = { network: watch.gate, settings: settings[manifest.id] ?? {}, signal };
    if (signal.aborted) throw abortError(signal);
    openCount += 1;
    try {
      const session = await connector.open({ properties, login }, context);
      watch.onOpen();
      try {
        return await work(session);
      } finally {
        // A source that fails to say goodbye must not turn an answer into an error.
        await session.close().catch(() => undefined);
      }
    } finally {
      openCount -= 1;
    }
  };

  /** Some sources connect when a session is opened, others with its first request: reached is who has done both. */
  const enterWith = <Result>(
    inSpace: Gate,
    findings: Findings,
    act: (entry: Entry) => Promise<Result>,
  ): Promise<Result> => {
    const sockets: Socket[] = [];
    let isOpen = false;
    const look = () => {
      if (sockets.length > 0 && isOpen) findings.reached();
    };
    const watched = inSpace.watched((socket) => {
      sockets.push(socket);
      look();
    });
    /** Some sources open a session without a word, so that only what they send proves them. */
    const isProven = () => isOpen && sockets.some(({ bytesRead }) => bytesRead > 0);
    const proof = (ms: number | undefined) => {
      const cut = new AbortController();
      const unproven = () => {
        if (!isProven()) cut.abort(new ConnectorError('timeout', 'The source did not answer in time.'));
      };
      const timer = ms === undefined ? undefined : setTimeout(unproven, ms);
      return { signal: cut.signal, end: () => clearTimeout(timer) };
    };
    const onOpen = () => {
      isOpen = true;
      look();
    };
    return act({
      gate: watched,
      missed: findings.missed,
      isProven,
      async open(request, work) {
        const tokens = watchTokens(request.login);
        const { signal: cut, end } = proof(request.provenWithinMs);
        const signal = AbortSignal.any([request.signal, cut]);
        try {
          return await open({ ...request, login: tokens.login, signal }, { gate: watched, onOpen }, work);
        } catch (error) {
          const isConnected = sockets.length > 0;
          // An identity provider that is down says nothing about the source.
          if (tokens.isAtFault()) findings.excuse();
          // Who was cut short has not waited long enough to say that a source which takes connections is gone.
          else if (isMiss(error, signal)) (cut.aborted && isConnected ? findings.excuse : findings.missed)();
          else if (isConnected && !isCancelled(error)) findings.reached();
          throw tokens.failureOfOurs() ?? error;
        } finally {
          end();
        }
      },
    });
  };

  return {
    openCount: () => openCount,
    enter: (visit, signal, act) =>
      isolation.enter(visit, signal, (findings) => enterWith(gate.forSpace(visit.spaceId), findings, act)),
  };
}
