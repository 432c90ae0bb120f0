import type { ConnectionSecrets, SplitProperties } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Network } from '@mooring/connectors/spec/network';
import type { Secret } from '@mooring/connectors/spec/secret';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { Caller } from '../../access/caller.js';
import { recordCredential } from '../../audit/record.js';
import type { Config } from '../../config/config.js';
import { newUuid } from '../../crypto/random.js';
import { InvalidRequest } from '../../errors/app-error.js';
import type { Quotas } from '../../rates/quotas.js';
import type { Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import { type GrantAccount, hasHadGrant, rememberedAccount } from '../grants/grant-account.js';
import { recordAwaitedAccount, storedGrant } from '../grants/grant-state.js';
import { oauthSetup } from '../grants/oauth-setup.js';
import { proveRefreshToken, takeRefreshToken } from '../grants/pasted-refresh-token.js';
import type { RevokedCredential } from '../grants/revocation-queue.js';
import type { Revoker } from '../grants/revoker.js';
import { assertSameAccount } from '../grants/same-account.js';
import { type RedeemedSignIn, storedOrAbandoned } from '../sign-ins/redeemed-sign-in.js';
import type { SignIns } from '../sign-ins/sign-ins.js';
import {
  type CredentialSecrets,
  insertCredential,
  loadSecret,
  openSecret,
  replaceCredential,
} from './credential-records.js';
import { assertFieldsOf } from './login-fields.js';
import { assertNameFree } from './own-credentials.js';

// How a credential comes in: fields in the request, or the code of an interactive sign-in. The three doors
// (a new connection, one's own credential on a connection, a credential alone) all come through here.

/** A credential that is complete but not stored yet. */
export interface BroughtCredential {
  secrets: CredentialSecrets;
  redeemed?: Pick<RedeemedSignIn, 'complete' | 'abandon'>;
  /** It holds no grant yet: its person signs in first, as this account where it is known. */
  needsSignIn?: { account: GrantAccount | undefined };
}

export interface BringRequest {
  caller: Caller;
  manifest: SourceManifest;
  split: SplitProperties;
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
   * Of a caller who may not edit the connection: what is told, and when, of a failure at a provider that its owner chose.
   */
  toldCoarsely?: (error: unknown) => Promise<unknown>;
}

export interface StoreTarget {
  caller: Caller;
  manifest: SourceManifest;
  signIn: string;
  destination: string;
  name: string;
  /** Of an embedded credential. */
  connectionId?: string;
}

export interface Bringing {
  /** True when the request holds at least a part of a credential. */
  isPresent(split: SplitProperties): boolean;
  begin(request: BringRequest): ReturnType<SignIns['begin']>;
  /** True where beginning a sign-in asks a host that was not chosen by the operator. */
  beginsAtOwnersHost(request: BringRequest): boolean;
  /**
   * Checks that everything the sign-in method needs is there, and exchanges a pasted code.
   * @throws InvalidRequest naming each missing property
   */
  complete(request: BringRequest): Promise<BroughtCredential>;
  /** Stores it in the transaction that stores what it is for. */
  store(tx: Tx, target: StoreTarget, brought: BroughtCredential): Promise<string>;
  /** Gives an existing credential of the caller what was brought, in place. */
  replace(
    tx: Tx,
    row: CredentialTable,
    target: Pick<StoreTarget, 'signIn' | 'destination' | 'caller'>,
    brought: BroughtCredential,
  ): Promise<void>;
  /**
   * The secrets of an embedded credential of the caller's own, for a copy of its connection. An interactive grant
   * is not copied: two holders of one refresh token would end it for both. The copy asks for a sign-in of its own.
   */
  copyOwn(caller: Caller, credential: CredentialTable | undefined): Promise<BroughtCredential | undefined>;
}

export interface BringDependencies {
  store: Store;
  vault: Vault;
  signIns: SignIns;
  revoker: Pick<Revoker, 'endTokens'>;
  network: Network;
  clients: Config['oauth']['clients'];
  quotas: Pick<Quotas, 'assertCredential'>;
  now?: () => Date;
}

export function createBringing({
  store,
  vault,
  signIns,
  revoker,
  network,
  clients,
  quotas,
  now = () => new Date(),
}: BringDependencies): Bringing {
  const setupOf = ({ split, connectionSecrets }: BringRequest) =>
    oauthSetup({ method: split.signIn, definition: split.definition, secrets: connectionSecrets }, clients);

  /** By the client: one of the operator's is for a provider of the operator's. */
  const isOwnersChoice = (request: BringRequest): boolean => {
    if (!request.split.signIn.oauth) return false;
    return setupOf(request).preset.provider === undefined;
  };

  const following = async <Result>(request: BringRequest, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      const { toldCoarsely } = request;
      if (!toldCoarsely || error instanceof InvalidRequest || !isOwnersChoice(request)) throw error;
      throw await toldCoarsely(error);
    }
  };

  const signInRequest = (request: BringRequest) => ({
    caller: request.caller,
    manifest: request.manifest,
    method: request.split.signIn,
    setup: setupOf(request),
    destination: request.destination,
    ...(request.connection ? { connection: request.connection } : {}),
    ...(request.replaces ? { renews: request.replaces } : {}),
    ...(request.loopbackRedirect === undefined ? {} : { loopbackRedirect: request.loopbackRedirect }),
    ...(request.device ? { device: true } : {}),
    ...(request.toldCoarsely && isOwnersChoice(request) ? { isToldCoarsely: true } : {}),
  });

  const bringToken = async (
    request: BringRequest,
    refreshToken: Secret<string>,
  ): Promise<BroughtCredential> => {
    const { split } = request;
    if (split.choice.authCode) {
      throw new InvalidRequest([
        { field: 'connectionProperties.authCode', message: 'and a refresh token cannot both be given' },
      ]);
    }
    const setup = setupOf(request);
    const proven = await proveRefreshToken({
      ...{ setup, network, refreshToken },
      giveUp: (tokens) => revoker.endTokens(ownerOf(request), setup, tokens),
    });
    const login = { ...split.credential };
    takeRefreshToken(split.signIn, login);
    const grant = storedGrant(proven.tokens, now().getTime(), setup.preset);
    const room = signIns.waitingRoom(signInRequest(request), proven);
    await assertSameAccount(store.db, request.replaces, room, { login, grant });
    return { secrets: { login, grant }, redeemed: proven };
  };

  const complete = async (request: BringRequest): Promise<BroughtCredential> => {
    const { split } = request;
    assertFieldsOf(split);
    if (!request.replaces) await quotas.assertCredential(request.caller);
    const secrets = { login: { ...split.credential } };
    const pastedToken = takeRefreshToken(split.signIn, secrets.login);
    if (pastedToken !== undefined) return bringToken(request, pastedToken);
    if (!isInteractive(split.signIn.oauth)) {
      if (split.choice.authCode) {
        throw new InvalidRequest([
          {
            field: 'connectionProperties.authCode',
            message: `is not used for sign-in by ${split.signIn.label}`,
          },
        ]);
      }
      // Fails early when the client of the exchange is not complete.
      if (split.signIn.oauth) setupOf(request);
      return { secrets };
    }
    if (!split.choice.authCode) {
      throw new InvalidRequest([
        {
          field: 'connectionProperties.authCode',
          message: 'is required: begin a sign-in with authUrlOnly, sign in, and send the code that is shown',
        },
      ]);
    }
    const redeemed = await signIns.redeem(signInRequest(request), split.choice.authCode);
    const grant = storedGrant(redeemed.tokens, now().getTime(), setupOf(request).preset);
    await assertSameAccount(store.db, request.replaces, redeemed, { ...secrets, grant });
    return { secrets: { ...secrets, grant }, redeemed };
  };

  return {
    isPresent: (split) => Object.keys(split.credential).length > 0 || split.choice.authCode !== undefined,
    async begin(request) {
      const { signIn } = request.split;
      if (!isInteractive(signIn.oauth)) {
        throw new InvalidRequest([
          {
            field: 'authUrlOnly',
            message: `is not used for sign-in by ${signIn.label}: there is no page to sign in at. Send the credential in connectionProperties`,
          },
        ]);
      }
      return following(request, () => signIns.begin(signInRequest(request)));
    },

    beginsAtOwnersHost(request) {
      if (!isOwnersChoice(request)) return false;
      const { tokenEndpoint, issuer, pushedAuthorizationRequestEndpoint: pushed } = setupOf(request).preset;
      const isDevice = request.split.signIn.oauth?.grant === 'device_code';
      return isDevice || tokenEndpoint === '' || issuer !== undefined || pushed !== undefined;
    },

    complete: (request) => following(request, () => complete(request)),

    async store(tx, target, brought) {
      const id = newUuid();
      if (target.connectionId === undefined) await assertNameFree(tx, target.caller, target.name);
      await insertCredential(tx, vault, {
        id,
        tenantId: target.caller.tenantId,
        ownerId: target.caller.userId,
        sourceId: target.manifest.id,
        name: target.name,
        separated: target.connectionId === undefined,
        connectionId: target.connectionId ?? null,
        signIn: target.signIn,
        destination: target.destination,
        secrets: brought.secrets,
        ...(brought.needsSignIn ? { state: 'needs_sign_in' as const } : {}),
        at: now().toISOString(),
        by: target.caller,
      });
      const account = brought.needsSignIn?.account;
      if (account) {
        await recordAwaitedAccount(
          tx,
          { id, tenant_id: target.caller.tenantId },
          account,
          now().toISOString(),
        );
      }
      const created = {
        id,
        tenant_id: target.caller.tenantId,
        owner_id: target.caller.userId,
        source_id: target.manifest.id,
        name: target.name,
        connection_id: target.connectionId ?? null,
      };
      await recordCredential(tx, 'created', created, target.caller);
      await brought.redeemed?.complete(tx);
      return id;
    },

    async replace(tx, row, target, brought) {
      const { signIn, destination, caller } = target;
      await replaceCredential(tx, vault, row, {
        signIn,
        destination,
        by: caller,
        secrets: brought.secrets,
        at: now().toISOString(),
      });
      await recordCredential(tx, 'updated', row, caller);
      await brought.redeemed?.complete(tx);
    },

    async copyOwn(caller, credential) {
      if (!credential || credential.connection_id === null) return undefined;
      const owned = { id: credential.id, tenant_id: caller.tenantId, owner_id: caller.userId };
      const row = await loadSecret(store.db, owned, 'login');
      if (!row) return undefined;
      const secrets = { login: openSecret(vault, owned, row) };
      if (!(await hasHadGrant(store.db, credential))) return { secrets };
      return { secrets, needsSignIn: { account: await rememberedAccount(store.db, credential) } };
    },
  };
}

/** Whose a grant is that became part of no credential. */
const ownerOf = ({ caller, manifest, replaces, connection }: BringRequest): RevokedCredential => ({
  id: replaces?.id ?? '',
  tenant_id: caller.tenantId,
  owner_id: caller.userId,
  source_id: manifest.id,
  name: replaces?.name ?? connection?.name ?? '',
});

/** Stores what was brought; a grant that cannot be stored is revoked rather than lost. */
export const storeBrought = <Result>(
  store: Store,
  brought: BroughtCredential | undefined,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> => storedOrAbandoned(brought?.redeemed, () => store.transaction(work));
