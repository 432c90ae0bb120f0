import { randomBytes } from 'node:crypto';
import type { Fresh } from '@mooring/connectors/suite/harness';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type RecordingRelay, startRecordingRelay } from './recording-relay.js';
import { type RunningSources, startSources } from './running-sources.js';

// The servers of all sources, among them some that repeat the secrets that they receive.

export interface CanaryLab {
  authorizationServer: LabAuthorizationServer;
  /** In front of the authorization server, for what the service itself sends there. */
  relay: RecordingRelay;
  tokenUrl: string;
  sources: RunningSources;
  close(): Promise<void>;
}

/** Each encoding of it differs, so that every one can be found. */
export const awkward = (name: string) => `${name} ~"<&+/\\ é ${randomBytes(9).toString('base64url')}`;
/** For places that accept only token characters; it looks like the code of an error. */
export const plain = (name: string) => `${name}_${randomBytes(18).toString('hex')}`;
export const fresh: Fresh = { awkward, plain };

export async function startCanaryLab(): Promise<CanaryLab> {
  const authorizationServer = await startAuthorizationServer();
  const relay = await startRecordingRelay(Number(new URL(authorizationServer.url).port));
  const tokenUrl = `http://127.0.0.1:${relay.port}/token`;
  const sources = await startSources({ provider: { server: authorizationServer, tokenUrl } });
  return {
    ...{ authorizationServer, relay, tokenUrl, sources },
    async close() {
      for (const part of [sources, relay, authorizationServer]) await part.close();
    },
  };
}
