import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Network } from '@mooring/connectors/spec/network';
import type { SignInMethod } from '@mooring/connectors/spec/sign-in';
import type { Logger } from 'pino';
import { record } from '../audit/record.js';
import type { GrantAccount } from '../broker/grant-account.js';
import type { StoredGrant } from '../broker/grant-state.js';
import type { OAuthSetup } from '../broker/oauth-setup.js';
import { egressRefused } from '../egress/failure.js';
import { AppError } from '../http/app-error.js';
import type { Caller } from '../http/handler.js';
import { authorizationUrl, createSignInSecrets } from '../oauth/authorization-url.js';
import { exchangeCode } from '../oauth/code-grant.js';
import { issuerPromisesParameter } from '../oauth/discovery.js';
import { OAuthError } from '../oauth/oauth-error.js';
import { revokeToken } from '../oauth/revocation.js';
import type { TokenSet } from '../oauth/types.js';
import type { Store, Tx } from '../store/store.js';
import type { CredentialTable, SignInTable } from '../store/tables.js';
import { sha256 } from '../vault/digest.js';
import type { Vault } from '../vault/envelope.js';
import { newUuid } from '../vault/random.js';
import type { ParkedGrants } from './parked-grants.js';
import { readPastedCode } from './pasted-code.js';
import { claimSignIn, endSignIn, openField, sealField } from './sign-in-store.js';

// The life of an interactive sign-in between its first and its second call. DESIGN section 5, points 1 to 4.

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
}

export interface BegunSignIn {
  authUrl: string;
  signInId: string;
  expiresAt: string;
}

/** Tokens that were just issued. They belong to nobody until `complete` ran in the transaction that stores them. */
export interface RedeemedSignIn {
  tokens: TokenSet;
  complete(tx: Tx): Promise<void>;
  /** Another account than before has signed in: keeps the grant for the person's choice. */
  park(grant: StoredGrant, account: GrantAccount | undefined): Promise<void>;
  readonly signInId: string;
  /** The grant could not be stored: revokes it at the provider and ends the sign-in. */
  abandon(): Promise<void>;
}

export interface SignIns {
  begin(request: SignInRequest): Promise<BegunSignIn>;
  redeem(request: SignInRequest, pasted: string): Promise<RedeemedSignIn>;
}

export interface SignInDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  log: Logger;
  publicUrl: () => string;
  signInMinutes: number;
  parked: ParkedGrants;
  now?: () => Date;
}

const beginAgain = 'Begin again with authUrlOnly.';
const openPerPersonMax = 50;

/**
 * Segment of the redirect path. One for each authorization server, so that a code which arrives at another
 * server's path is refused (RFC 9700 section 4.4), and stable, so that it can be registered.
 */
function redirectContext({ manifest, setup }: SignInRequest): string {
  if (setup.preset.provider) return setup.preset.provider;
  const server = `${setup.preset.authorizationEndpoint} ${setup.preset.tokenEndpoint}`;
  return `${manifest.id}-${sha256(server)
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, 16)}`;
}

/** The answer to a sign-in by another account than before. */
export function accountDiffers(
  signInId: string,
  accounts: { remembered?: string; signedIn?: string } = {},
): AppError {
  return new AppError(
    'SIGN-IN-ACCOUNT-DIFFERS',
    'Another account has signed in than this credential had. Nothing was changed: choose what to do.',
    {
      meta: {
        signInId,
        ...accounts,
        choices: ['replace', 'add', 'cancel'],
        choose: `/api/v1/sign-ins/${signInId}/actions/choose`,
      },
    },
  );
}

export function createSignIns(deps: SignInDependencies): SignIns {
  const { store, vault, network, log } = deps;
  const now = deps.now ?? (() => new Date());

  /** The sign-in that a pasted text belongs to: by our ticket, by the provider's code or by its state; else the latest. */
  const find = async (
    { caller, manifest, destination }: SignInRequest,
    pasted: { code: string; state?: string },
  ) => {
    const mine = store.db
      .selectFrom('sign_in')
      .selectAll()
      .where('tenant_id', '=', caller.tenantId)
      .where('user_id', '=', caller.userId)
      .where('source_id', '=', manifest.id);
    const hash = sha256(pasted.code);
    const exact = await mine
      .where((eb) => eb.or([eb('ticket_hash', '=', hash), eb('code_hash', '=', hash)]))
      .executeTakeFirst();
    if (exact) return exact;
    // Our tickets are known by their form: one that is not the caller's own must not fall through to another.
    if (pasted.code.startsWith('mst_')) return undefined;
    if (pasted.state !== undefined)
      return mine.where('state_hash', '=', sha256(pasted.state)).executeTakeFirst();
    return mine
      .where('status', '=', 'pending')
      .where('destination', '=', destination)
      .orderBy('created_at', 'desc')
      .limit(1)
      .executeTakeFirst();
  };

  const assertOpen = async (row: SignInTable, request: SignInRequest): Promise<void> => {
    if (row.status === 'redeeming') {
      throw new AppError(
        'SIGN-IN-IN-PROGRESS',
        'Another request is completing this sign-in. Look at the sign-in for its result.',
      );
    }
    if (row.status === 'needs_choice') throw accountDiffers(row.id);
    if (row.status === 'completed')
      throw new AppError('SIGN-IN-INVALID', `This code was used already. ${beginAgain}`);
    if (row.status === 'failed')
      throw new AppError('SIGN-IN-INVALID', `This sign-in has failed. ${beginAgain}`);
    if (row.status === 'expired' || row.expires_at <= now().toISOString()) {
      await endSignIn(store.db, row, 'expired');
      throw new AppError('SIGN-IN-INVALID', `This sign-in has expired. ${beginAgain}`);
    }
    if (row.destination !== request.destination || row.sign_in !== request.method.id) {
      throw new AppError(
        'SIGN-IN-INVALID',
        `The connection's properties differ from those the sign-in was begun with. ${beginAgain}`,
      );
    }
  };

  const failExchange = async (
    row: SignInTable,
    intentId: string,
    hadArrived: boolean,
    error: unknown,
  ): Promise<never> => {
    const kind = error instanceof OAuthError ? error.kind : 'unavailable';
    log.warn(
      { signInId: row.id, kind, ...(error instanceof OAuthError ? {} : { err: error }) },
      'code exchange failed',
    );
    const mayRetry = kind === 'unavailable' || kind === 'rate_limited';
    await store.transaction(async (tx) => {
      await tx.deleteFrom('intent').where('id', '=', intentId).execute();
      if (!mayRetry)
        return endSignIn(
          tx,
          row,
          'failed',
          error instanceof OAuthError ? (error.providerCode ?? kind) : kind,
        );
      await tx
        .updateTable('sign_in')
        .set({ status: hadArrived ? 'arrived' : 'pending' })
        .where('id', '=', row.id)
        .execute();
    });
    if (kind === 'egress_refused') throw egressRefused();
    if (mayRetry || kind === 'nonsense') {
      const retryAfterSeconds = error instanceof OAuthError ? error.retryAfterSeconds : undefined;
      throw new AppError('PROVIDER-FAILED', mayRetry ? 'Send the same code again in a moment.' : beginAgain, {
        cause: error,
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      });
    }
    const code = error instanceof OAuthError && error.providerCode ? ` (${error.providerCode})` : '';
    throw new AppError('PROVIDER-REFUSED', `The identity provider refused the code${code}. ${beginAgain}`, {
      cause: error,
    });
  };

  return {
    async begin(request) {
      const { caller, manifest, method, setup } = request;
      const at = now();
      const secrets = createSignInSecrets();
      const context = redirectContext(request);
      const redirectUri = `${deps.publicUrl()}/oauth/callback/${context}`;
      const authUrl = await authorizationUrl({ ...setup, redirectUri, ...secrets });
      const promised = setup.preset.issuer
        ? await issuerPromisesParameter(setup.preset.issuer, network)
        : false;
      const row: SignInTable = {
        id: newUuid(),
        tenant_id: caller.tenantId,
        user_id: caller.userId,
        source_id: manifest.id,
        sign_in: method.id,
        connection_id: request.connection?.id ?? null,
        connection_name: request.connection?.name ?? null,
        destination: request.destination,
        context,
        state_hash: sha256(secrets.state),
        issuer: setup.preset.issuer ?? null,
        issuer_promised: promised ? 1 : 0,
        redirect_uri: redirectUri,
        status: 'pending',
        ticket_hash: null,
        code_hash: null,
        error: null,
        credential_id: request.renews?.id ?? null,
        account_issuer: null,
        account_subject: null,
        account_email: null,
        created_at: at.toISOString(),
        expires_at: new Date(at.getTime() + deps.signInMinutes * 60_000).toISOString(),
      };
      await store.transaction(async (tx) => {
        const open = await tx
          .selectFrom('sign_in')
          .select(['id', 'tenant_id', 'user_id'])
          .where('tenant_id', '=', caller.tenantId)
          .where('user_id', '=', caller.userId)
          .where('status', 'in', ['pending', 'arrived'])
          .orderBy('created_at', 'desc')
          .offset(openPerPersonMax)
          .limit(100)
          .execute();
        for (const old of open) await endSignIn(tx, old, 'expired');
        await tx.insertInto('sign_in').values(row).execute();
        await sealField(tx, vault, row, 'verifier', secrets.codeVerifier);
      });
      return { authUrl, signInId: row.id, expiresAt: row.expires_at };
    },

    async redeem(request, pastedText) {
      const pasted = readPastedCode(pastedText);
      const row = pasted && (await find(request, pasted));
      if (!pasted || !row)
        throw new AppError(
          'SIGN-IN-INVALID',
          `The code belongs to no sign-in of yours for this data source. ${beginAgain}`,
        );
      await assertOpen(row, request);
      if (pasted.issuer !== undefined && row.issuer !== null && pasted.issuer !== row.issuer) {
        throw new AppError('SIGN-IN-INVALID', `The code comes from another identity provider. ${beginAgain}`);
      }
      const intentId = newUuid();
      if (!(await claimSignIn(store, row, intentId, now().toISOString()))) {
        throw new AppError(
          'SIGN-IN-IN-PROGRESS',
          'Another request is completing this sign-in. Look at the sign-in for its result.',
        );
      }
      const isTicket = row.ticket_hash === sha256(pasted.code);
      const codeVerifier = await openField(store.db, vault, row, 'verifier');
      const code = isTicket ? await openField(store.db, vault, row, 'code') : pasted.code;
      const exchange = { ...request.setup, redirectUri: row.redirect_uri, network };
      let tokens: TokenSet;
      try {
        if (codeVerifier === undefined || code === undefined)
          throw new Error('the sealed parts of the sign-in are gone');
        tokens = await exchangeCode({ ...exchange, code, codeVerifier });
      } catch (error) {
        return failExchange(row, intentId, row.status === 'arrived', error);
      }
      return {
        tokens,
        signInId: row.id,
        async park(grant, account) {
          // A sign-in that was not begun for a credential is remembered as being for the one it would replace.
          const renewed = { ...row, credential_id: request.renews?.id ?? row.credential_id };
          await store.db
            .updateTable('sign_in')
            .set({ credential_id: renewed.credential_id })
            .where('id', '=', row.id)
            .execute();
          await deps.parked.park(renewed, grant, { account, intentId });
        },
        async complete(tx) {
          await tx.deleteFrom('intent').where('id', '=', intentId).execute();
          await endSignIn(tx, row, 'completed');
          await record(tx, { name: 'sign-in.completed', by: request.caller, resourceId: row.id });
        },
        async abandon() {
          const token = tokens.refreshToken ?? tokens.accessToken;
          const outcome = await revokeToken({ ...request.setup, token, network });
          log.warn({ signInId: row.id, outcome }, 'a fresh grant could not be stored and was revoked');
          await store.transaction(async (tx) => {
            await tx.deleteFrom('intent').where('id', '=', intentId).execute();
            await endSignIn(tx, row, 'failed', 'not_stored');
          });
        },
      };
    },
  };
}
