import type { Secret } from '@mooring/connectors/spec/secret';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import { InvalidRequest } from '../../errors/app-error.js';
import { storedGrant } from '../grants/grant-state.js';
import { proveRefreshToken, takeRefreshToken } from '../grants/pasted-refresh-token.js';
import type { RevokedCredential } from '../grants/revocation-queue.js';
import { assertSameAccount } from '../grants/same-account.js';
import {
  type CredentialEntryDependencies,
  configurationOf,
  type EnteredCredential,
  type EntryRequest,
  signInRequestOf,
} from './entry-request.js';
import { assertFieldsOf } from './login-fields.js';

type Dependencies = Pick<
  CredentialEntryDependencies,
  'store' | 'signIns' | 'revoker' | 'network' | 'clients' | 'quotas'
>;

const wrongCode = (message: string) =>
  new InvalidRequest([{ field: 'connectionProperties.authCode', message }]);

/** See `CredentialEntry.complete`. */
export async function completeEntry(deps: Dependencies, request: EntryRequest): Promise<EnteredCredential> {
  const { store, signIns, clients, quotas } = deps;
  const { split } = request;
  assertFieldsOf(split);
  if (!request.replaces) await quotas.assertCredential(request.caller);
  const secrets = { login: { ...split.credential } };
  const pastedToken = takeRefreshToken(split.signIn, secrets.login);
  if (pastedToken !== undefined) return enterToken(deps, request, pastedToken);
  if (!isInteractive(split.signIn.oauth)) {
    if (split.choice.authCode) throw wrongCode(`is not used for sign-in by ${split.signIn.label}`);
    // Fails early if the client of the exchange is not complete.
    if (split.signIn.oauth) configurationOf(request, clients);
    return { secrets };
  }
  if (!split.choice.authCode) {
    throw wrongCode(
      'is required: begin a sign-in with authUrlOnly, sign in, and send the code that is shown',
    );
  }
  const redeemed = await signIns.redeem(signInRequestOf(request, clients), split.choice.authCode);
  const grant = storedGrant(redeemed.tokens, store.clock.now(), configurationOf(request, clients).preset);
  await assertSameAccount(store.db, request.replaces, redeemed, { ...secrets, grant });
  return { secrets: { ...secrets, grant }, redeemed };
}

async function enterToken(
  { store, signIns, revoker, network, clients }: Dependencies,
  request: EntryRequest,
  refreshToken: Secret<string>,
): Promise<EnteredCredential> {
  const { split } = request;
  if (split.choice.authCode) throw wrongCode('and a refresh token cannot both be given');
  const setup = configurationOf(request, clients);
  const proven = await proveRefreshToken({
    ...{ setup, network, refreshToken, now: store.clock.now },
    giveUp: (tokens) => revoker.revokeTokens(ownerOf(request), setup, tokens),
  });
  const login = { ...split.credential };
  takeRefreshToken(split.signIn, login);
  const grant = storedGrant(proven.tokens, store.clock.now(), setup.preset);
  const parking = signIns.parkingForPastedToken(signInRequestOf(request, clients), proven);
  await assertSameAccount(store.db, request.replaces, parking, { login, grant });
  return { secrets: { login, grant }, redeemed: proven };
}

/** Owner of a grant that became part of no credential. */
const ownerOf = ({ caller, manifest, replaces, connection }: EntryRequest): RevokedCredential => ({
  id: replaces?.id ?? '',
  tenant_id: caller.tenantId,
  owner_id: caller.userId,
  source_id: manifest.id,
  name: replaces?.name ?? connection?.name ?? '',
});
