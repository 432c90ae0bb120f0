import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { ConnectionSecrets } from '@mooring/connectors/kit/properties';
import type { ConnectionProperties } from '@mooring/connectors/qlik/separated';
import type { Caller } from '../../access/caller.js';
import type { Quotas } from '../../rates/quotas.js';
import type { CredentialTable } from '../../store/tables.js';
import type { CredentialDependencies, OperatorsClients } from '../dependencies.js';
import { type ClientConfiguration, clientConfiguration } from '../grants/client-configuration.js';
import type { GrantAccount } from '../grants/grant-account.js';
import type { Revoker } from '../grants/revoker.js';
import type { RedeemedSignIn } from '../sign-ins/redeemed-sign-in.js';
import type { SignInRequest } from '../sign-ins/sign-in-request.js';
import type { SignIns } from '../sign-ins/sign-ins.js';
import type { CredentialSecrets } from './credential-records.js';

export interface EntryRequest {
  caller: Caller;
  manifest: SourceManifest;
  split: ConnectionProperties;
  /** Secrets of the connection, from the request or from the vault. */
  connectionSecrets: ConnectionSecrets;
  destination: string;
  connection?: { id?: string; name?: string };
  /** Credential of the caller that this would replace. */
  replaces?: CredentialTable;
  /** See `SignInRequest`; of `begin` only. */
  loopbackRedirect?: string;
  device?: boolean;
  /**
   * For a caller who may not edit the connection: replaces, and delays, a failure at a provider that its owner chose.
   */
  coarseError?: (error: unknown) => Promise<unknown>;
}

/** A credential that is complete but not stored yet. */
export interface EnteredCredential {
  secrets: CredentialSecrets;
  redeemed?: Pick<RedeemedSignIn, 'complete' | 'abandon'>;
  /** It has no grant yet: its user signs in first, with this account if it is known. */
  needsSignIn?: { account: GrantAccount | undefined };
}

export interface CredentialEntryDependencies
  extends Pick<CredentialDependencies, 'store' | 'vault' | 'network' | 'clients'> {
  signIns: SignIns;
  revoker: Pick<Revoker, 'revokeTokens'>;
  quotas: Pick<Quotas, 'assertCredential'>;
}

/** @throws AppError if the client of the exchange is not complete */
export const configurationOf = (
  { split: { signIn: method, definition }, connectionSecrets: secrets }: EntryRequest,
  clients: OperatorsClients,
): ClientConfiguration => clientConfiguration({ method, definition, secrets }, clients);

/** The owner of the connection chose the provider: the operator's clients are for providers of the operator's choice. */
export function isOwnersChoice(request: EntryRequest, clients: OperatorsClients): boolean {
  if (!request.split.signIn.oauth) return false;
  return configurationOf(request, clients).preset.provider === undefined;
}

export const signInRequestOf = (request: EntryRequest, clients: OperatorsClients): SignInRequest => ({
  caller: request.caller,
  manifest: request.manifest,
  method: request.split.signIn,
  setup: configurationOf(request, clients),
  destination: request.destination,
  ...(request.connection ? { connection: request.connection } : {}),
  ...(request.replaces ? { renews: request.replaces } : {}),
  ...(request.loopbackRedirect === undefined ? {} : { loopbackRedirect: request.loopbackRedirect }),
  ...(request.device ? { device: true } : {}),
  ...(request.coarseError && isOwnersChoice(request, clients) ? { isCoarse: true } : {}),
});
