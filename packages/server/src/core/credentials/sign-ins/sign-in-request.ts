import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Network } from '@mooring/connectors/spec/network';
import type { SignInMethod } from '@mooring/connectors/spec/sign-in';
import type { Logger } from 'pino';
import type { Caller } from '../../access/caller.js';
import { newUuid } from '../../crypto/random.js';
import { egressRefused } from '../../egress/failure.js';
import { AppError } from '../../errors/app-error.js';
import { OAuthError } from '../../oauth/oauth-error.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import { mendedBy, type OAuthSetup } from '../grants/oauth-setup.js';
import type { Revoker } from '../grants/revoker.js';
import type { ParkedGrants } from './parked-grants.js';

export interface SignInRequest {
  caller: Caller;
  manifest: SourceManifest;
  method: SignInMethod;
  setup: OAuthSetup;
  /** Everything that decides where the grant may be used; the second call must have the same. */
  destination: string;
  connection?: { id?: string; name?: string };
  /** Credential of the caller that is being renewed. */
  renews?: Pick<CredentialTable, 'id'>;
  /** Where a program on the person's machine takes the redirect (RFC 8252 section 7.3), instead of our page. */
  loopbackRedirect?: string;
  /** On another device, although the method would use a redirect. */
  device?: boolean;
  /**
   * The provider was chosen by the owner of a connection that the caller may not edit: whether it is there must not
   * show in what becomes of the sign-in (`sessions/coarse`).
   */
  isToldCoarsely?: boolean;
}

export interface BegunSignIn {
  authUrl: string;
  signInId: string;
  /** Of a sign-in on another device. */
  userCode?: string;
  /** Of a sign-in whose redirect lands on the person's own machine, which tells it from a forged one. */
  state?: string;
  expiresAt: string;
}

export interface SignInDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  log: Logger;
  publicUrl: () => string;
  signInMinutes: number;
  /** When a failure is told that is told coarsely, after its beginning. */
  coarseSeconds: number;
  parked: ParkedGrants;
  revoker: Pick<Revoker, 'noteTokens' | 'untilStored' | 'kick'>;
  now?: () => Date;
}

/** What differs between a sign-in with a redirect and one on another device. */
interface WayIn
  extends Pick<SignInTable, 'context' | 'state_hash' | 'redirect_uri' | 'created_at' | 'expires_at'> {
  issuer_promised?: 1;
  device_interval?: number;
  device_next_at?: string;
}

/** A sign-in that has just begun, as it is stored. */
export function newSignIn(
  { caller, manifest, method, setup, connection, destination, renews }: SignInRequest,
  way: WayIn,
): SignInTable {
  return {
    id: newUuid(),
    tenant_id: caller.tenantId,
    user_id: caller.userId,
    source_id: manifest.id,
    sign_in: method.id,
    connection_id: connection?.id ?? null,
    connection_name: connection?.name ?? null,
    destination,
    issuer: setup.preset.issuer ?? null,
    issuer_promised: 0,
    status: 'pending',
    ticket_hash: null,
    code_hash: null,
    device_interval: null,
    device_next_at: null,
    error: null,
    credential_id: renews?.id ?? null,
    account_issuer: null,
    account_subject: null,
    account_email: null,
    ...way,
  };
}

/** What a provider needs before it can be asked is wrong: whoever set it up can mend it. */
export const refuseSetup =
  (setup: OAuthSetup) =>
  (error: unknown): never => {
    if (!(error instanceof OAuthError)) throw error;
    if (error.kind === 'egress_refused') throw egressRefused();
    const isRefused = error.kind === 'client_refused';
    const { retryAfterSeconds } = error;
    const remedy = isRefused ? mendedBy(setup) : `Try again in a moment. If it goes on: ${mendedBy(setup)}`;
    throw new AppError(isRefused ? 'PROVIDER-REFUSED' : 'PROVIDER-FAILED', `${error.message} ${remedy}`, {
      cause: error,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  };
