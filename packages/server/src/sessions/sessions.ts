import type { Login, Session } from '@mooring/connectors/spec/connector';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Gate } from '../egress/gate.js';

export interface SessionRequest {
  manifest: SourceManifest;
  /** Definition properties. */
  properties: Readonly<Record<string, unknown>>;
  login: Login;
  signal: AbortSignal;
  /** Of the connection; null for a personal one and for what is not saved. Decides what the network lets through. */
  spaceId: string | null;
}

export interface Sessions {
  /** Opens a session of this login, hands it to `work`, and closes it whatever happens. */
  run<Result>(request: SessionRequest, work: (session: Session) => Promise<Result>): Promise<Result>;
  /** Sessions that are open now, for metrics and for draining. */
  openCount(): number;
}

export interface SessionDependencies {
  catalogue: Catalogue;
  gate: Gate;
  settings: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Every use opens a session of its own and closes it. Nothing is pooled, so nothing of one person (login, session
 * state, temporary tables) can reach another.
 */
export function createSessions({ catalogue, gate, settings }: SessionDependencies): Sessions {
  let openCount = 0;
  return {
    openCount: () => openCount,
    async run({ manifest, properties, login, signal, spaceId }, work) {
      const connector = await catalogue.connector(manifest);
      const context = { network: gate.forSpace(spaceId), settings: settings[manifest.id] ?? {}, signal };
      if (signal.aborted) throw new ConnectorError('cancelled', 'The request was cancelled before it began.');
      openCount += 1;
      try {
        const session = await connector.open({ properties, login }, context);
        try {
          return await work(session);
        } finally {
          // A source that fails to say goodbye must not turn an answer into an error.
          await session.close().catch(() => undefined);
        }
      } finally {
        openCount -= 1;
      }
    },
  };
}
