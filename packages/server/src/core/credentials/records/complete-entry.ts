import type { PropertyProblem } from '@mooring/connectors/interface/property-problem';
import { Secret } from '@mooring/connectors/interface/secret';
import { isInteractive } from '@mooring/connectors/interface/sign-in';
import { lackingOf } from '@mooring/connectors/kit/login-parts';
import type { ConnectionProperties } from '@mooring/connectors/qlik/separated';
import { InvalidRequest } from '../../errors/app-error.js';
import { askAccount } from '../../oauth/account.js';
import { refreshGrant } from '../../oauth/refresh-grant.js';
import type { ClientConfiguration } from '../grants/client-configuration.js';
import { accountOfGrant, compareAccounts, formerGrant, maskedAccount } from '../grants/grant-account.js';
import { type StoredGrant, storedGrant } from '../grants/grant-state.js';
import { rejectPastedToken } from '../grants/oauth-failures.js';
import type { RevokedCredential } from '../grants/revocation-queue.js';
import { accountDiffers } from '../sign-ins/open-sign-in.js';
import { assertOwnApi } from '../sign-ins/own-api.js';
import { credentialGone } from '../sign-ins/parked-grants.js';
import type { RedeemedSignIn } from '../sign-ins/redeemed-sign-in.js';
import {
  type CredentialEntryDependencies,
  configurationOf,
  type EnteredCredential,
  type EntryRequest,
  signInRequestOf,
} from './entry-request.js';

const invalid = (problems: readonly PropertyProblem[]) =>
  new InvalidRequest(
    problems.map(({ property, message }) => ({ field: `connectionProperties.${property}`, message })),
  );

const wrongCode = (message: string) => invalid([{ property: 'authCode', message }]);

/**
 * A login has all fields that its sign-in method needs, and none of another method.
 * @throws InvalidRequest naming each property
 */
function assertFieldsOf({ signIn, definition, credential }: ConnectionProperties): void {
  const lacking = lackingOf(signIn, definition, credential);
  if (lacking.length > 0) throw invalid(lacking);
  const unused = Object.keys(credential).filter((name) => !signIn.fields.includes(name));
  const message = `is not used for sign-in by ${signIn.label}`;
  if (unused.length > 0) throw invalid(unused.map((property) => ({ property, message })));
}

/** See `CredentialEntry.complete`. */
export async function completeEntry(
  deps: CredentialEntryDependencies,
  request: EntryRequest,
): Promise<EnteredCredential> {
  const { store, signIns, clients, quotas } = deps;
  const { split } = request;
  assertFieldsOf(split);
  if (!request.replaces) await quotas.assertCredential(request.caller);
  const login = { ...split.credential };
  const pastedToken = takeRefreshToken(split, login);
  if (pastedToken !== undefined) return enterToken(deps, request, { pastedToken, login });
  if (!isInteractive(split.signIn.oauth)) {
    if (split.choice.authCode) throw wrongCode(`is not used for sign-in by ${split.signIn.label}`);
    // Fails early if the client of the exchange is not complete.
    if (split.signIn.oauth) configurationOf(request, clients);
    return { secrets: { login } };
  }
  if (!split.choice.authCode) {
    throw wrongCode(
      'is required: begin a sign-in with authUrlOnly, sign in, and send the code that is shown',
    );
  }
  const setup = configurationOf(request, clients);
  const redeemed = await signIns.redeem(signInRequestOf(request, clients), split.choice.authCode);
  await assertOwnApi(redeemed, setup);
  const grant = storedGrant(redeemed.tokens, store.clock.now(), setup.preset);
  await assertSameAccount(deps, request, redeemed, { login, grant });
  return { secrets: { login, grant }, redeemed };
}

/** The pasted refresh token. Takes it out of the login fields, so that only the grant has it. */
function takeRefreshToken(
  { signIn }: ConnectionProperties,
  login: Record<string, unknown>,
): Secret<string> | undefined {
  const field = signIn.oauth?.refreshTokenField;
  const token = field === undefined ? undefined : login[field];
  if (field === undefined || !(token instanceof Secret) || token.reveal() === '') return undefined;
  delete login[field];
  return token as Secret<string>;
}

type Login = Readonly<Record<string, unknown>>;

/** A refresh token that was issued elsewhere, to the same client. It is stored only if it works. */
async function enterToken(
  deps: CredentialEntryDependencies,
  request: EntryRequest,
  { pastedToken, login }: { pastedToken: Secret<string>; login: Login },
): Promise<EnteredCredential> {
  const { store, signIns, clients } = deps;
  if (request.split.choice.authCode) throw wrongCode('and a refresh token cannot both be given');
  const setup = configurationOf(request, clients);
  const proven = await proveRefreshToken(deps, request, setup, pastedToken);
  await assertOwnApi(proven, setup);
  const grant = storedGrant(proven.tokens, store.clock.now(), setup.preset);
  const parking = signIns.parkingForPastedToken(signInRequestOf(request, clients), proven);
  await assertSameAccount(deps, request, parking, { login, grant });
  return { secrets: { login, grant }, redeemed: proven };
}

/**
 * Uses the token once. The result is what to store: the provider may have rotated it.
 * @throws AppError PROVIDER-REFUSED for a dead token or a refused client, PROVIDER-FAILED if the outcome is not known
 */
async function proveRefreshToken(
  { store, network, revoker }: CredentialEntryDependencies,
  request: EntryRequest,
  setup: ClientConfiguration,
  refreshToken: Secret<string>,
): Promise<Pick<RedeemedSignIn, 'tokens' | 'complete' | 'abandon'>> {
  const call = { ...setup, network, now: store.clock.now };
  const renewed = await refreshGrant({ ...call, refreshToken }).catch(rejectPastedToken);
  const tokens = { ...renewed, ...(await askAccount(call, renewed.accessToken)) };
  return {
    tokens,
    async complete() {},
    async abandon(why) {
      // Revoke only a rotated token that was not stored, never the one that the user pasted.
      const isNew = tokens.refreshToken !== undefined && !tokens.refreshToken.equals(refreshToken);
      if (isNew && why !== 'unknown') await revoker.revokeTokens(ownerOf(request), setup, tokens);
    },
  };
}

/** Owner of a grant that became part of no credential. */
const ownerOf = ({ caller, manifest, replaces, connection }: EntryRequest): RevokedCredential => ({
  id: replaces?.id ?? '',
  tenant_id: caller.tenantId,
  owner_id: caller.userId,
  source_id: manifest.id,
  name: replaces?.name ?? connection?.name ?? '',
});

/**
 * The grant of a pasted code or token replaces another only if it is of the same account. Otherwise it waits, sealed, for
 * the user's choice.
 * @throws AppError SIGN-IN-ACCOUNT-DIFFERS unless the account that signed in is the one the credential had
 */
async function assertSameAccount(
  { store: { db } }: CredentialEntryDependencies,
  { replaces }: EntryRequest,
  redeemed: Pick<RedeemedSignIn, 'park' | 'signInId'>,
  { login, grant }: { login: Login; grant: StoredGrant },
): Promise<void> {
  const former = replaces && (await formerGrant(db, replaces));
  if (!former) return;
  const remembered = former.account;
  const account = accountOfGrant(grant);
  if (compareAccounts(remembered, account) === 'same') return;
  if (!(await redeemed.park(grant, account, login))) throw credentialGone();
  throw accountDiffers(redeemed.signInId, {
    ...(remembered ? { remembered: maskedAccount(remembered) } : {}),
    ...(account ? { signedIn: maskedAccount(account) } : {}),
  });
}
