import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { SignInMethod } from '@mooring/connectors/interface/sign-in';
import type { Caller } from '../../access/caller.js';
import { newUuid } from '../../crypto/random.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';
import type { CredentialDependencies } from '../dependencies.js';
import type { ClientConfiguration } from '../grants/client-configuration.js';
import type { Revoker } from '../grants/revoker.js';
import type { ParkedGrants } from './parked-grants.js';

export interface SignInRequest {
  caller: Caller;
  manifest: SourceManifest;
  method: SignInMethod;
  setup: ClientConfiguration;
  /** Everything that decides where the grant may be used; must be the same in the second call. */
  destination: string;
  connection?: { id?: string; name?: string };
  /** Credential of the caller that is being renewed. */
  renews?: Pick<CredentialTable, 'id'>;
  /** Redirect URI of a program on the user's machine (RFC 8252 section 7.3), instead of our page. */
  loopbackRedirect?: string;
  /** On another device, although the method would use a redirect. */
  device?: boolean;
  /**
   * The owner of a connection that the caller may not edit chose the provider: what becomes of the sign-in must not show
   * whether it can be reached (`errors/coarse`).
   */
  isCoarse?: boolean;
}

export interface BegunSignIn {
  authUrl: string;
  signInId: string;
  /** Of a sign-in on another device. */
  userCode?: string;
  /** Of a sign-in whose redirect lands on the user's machine: tells it from a forged one. */
  state?: string;
  expiresAt: string;
}

export interface SignInDependencies
  extends Pick<CredentialDependencies, 'store' | 'vault' | 'network' | 'log'> {
  publicUrl: () => string;
  signInMinutes: number;
  /** When the answer to a coarse failure is sent: seconds after its begin. */
  coarseSeconds: number;
  parked: ParkedGrants;
  revoker: Pick<Revoker, 'queueRevocation' | 'untilStored' | 'kick'>;
}

/** What differs between a sign-in with a redirect and one on another device. */
interface SignInKind
  extends Pick<SignInTable, 'context' | 'state_hash' | 'redirect_uri' | 'created_at' | 'expires_at'> {
  issuer_promised?: 1;
  device_interval?: number;
  device_next_at?: string;
}

/** The row of a sign-in that begins. */
export function newSignIn(
  { caller, manifest, method, setup, connection, destination, renews }: SignInRequest,
  kind: SignInKind,
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
    ...kind,
  };
}
