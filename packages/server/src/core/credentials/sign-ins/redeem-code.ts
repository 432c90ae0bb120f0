import type { Secret } from '@mooring/connectors/interface/secret';
import { sha256 } from '../../crypto/digest.js';
import { newUuid } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import { exchangeCode } from '../../oauth/code-grant.js';
import type { TokenSet } from '../../oauth/types.js';
import type { SignInTable } from '../../store/tables.js';
import { codeExchangeFailure } from '../grants/oauth-failures.js';
import { recordFailedExchange } from './failed-exchange.js';
import { findByCode } from './find-sign-in.js';
import { assertSameRedirect } from './loopback-redirect.js';
import { assertOpen, beginAgain, redeemedElsewhere } from './open-sign-in.js';
import { type PastedCode, readPastedCode } from './pasted-code.js';
import { createRedeemed, type RedeemedSignIn } from './redeemed-sign-in.js';
import type { SignInDependencies, SignInRequest } from './sign-in-request.js';
import { claimSignIn, openField } from './sign-in-store.js';

/**
 * Redeems a pasted code or ticket: one request claims the sign-in and exchanges the code.
 * @throws AppError SIGN-IN-INVALID, SIGN-IN-IN-PROGRESS, PROVIDER-FAILED, PROVIDER-REFUSED;
 * ConnectorError `egress_refused`
 */
export async function redeemCode(
  deps: SignInDependencies,
  request: SignInRequest,
  pastedText: Secret<string>,
): Promise<RedeemedSignIn> {
  const { store } = deps;
  const pasted = readPastedCode(pastedText);
  const row = pasted && (await findByCode(store, request, pasted));
  if (!pasted || !row)
    throw new AppError(
      'SIGN-IN-INVALID',
      `No pending sign-in of yours matches this code for this data source. ${beginAgain}`,
    );
  assertSameRedirect(row, pasted);
  await assertOpen(store, row, request);
  if (pasted.issuer !== undefined && row.issuer !== null && pasted.issuer !== row.issuer) {
    throw new AppError('SIGN-IN-INVALID', `The code comes from another identity provider. ${beginAgain}`);
  }
  const intentId = newUuid();
  if (!(await claimSignIn(store, row, intentId))) throw redeemedElsewhere();
  const tokens = await exchange(deps, request, { row, intentId, pasted });
  return createRedeemed(deps, { row, request, intentId, tokens });
}

async function exchange(
  deps: SignInDependencies,
  { setup, isCoarse }: SignInRequest,
  { row, intentId, pasted }: { row: SignInTable; intentId: string; pasted: PastedCode },
): Promise<TokenSet> {
  const { store, vault, network } = deps;
  const isTicket = row.ticket_hash === sha256(pasted.code.reveal());
  const codeVerifier = await openField(store.db, vault, row, 'verifier');
  const code = isTicket ? await openField(store.db, vault, row, 'code') : pasted.code;
  const call = { ...setup, redirectUri: row.redirect_uri, network, now: store.clock.now };
  try {
    if (codeVerifier === undefined || code === undefined)
      throw new Error('the sealed parts of the sign-in are gone');
    return await exchangeCode({ ...call, code, codeVerifier });
  } catch (error) {
    const mayRetry = await recordFailedExchange(deps, row, intentId, { error, isCoarse });
    throw codeExchangeFailure(error, { setup, mayRetry });
  }
}
