import { ConnectorError } from '@mooring/connectors/interface/errors';
import { egressRefused } from '../../egress/failure.js';
import { AppError } from '../../errors/app-error.js';
import { OAuthError, type OAuthErrorKind } from '../../oauth/oauth-error.js';
import { beginAgain } from '../sign-ins/open-sign-in.js';
import type { ClientConfiguration } from './client-configuration.js';

// The one translator of OAuth failures. Exchanges that a request waits for become an `AppError`;
// tokens that a use needs become a `ConnectorError`.

const failed = 'PROVIDER-FAILED';
const refused = 'PROVIDER-REFUSED';

/** Something has to be corrected first; after any other failure the same may be tried again. */
const refusals: Record<'begin' | 'redeem', readonly OAuthErrorKind[]> = {
  begin: ['client_refused'],
  /** Of a code or a refresh token. */
  redeem: ['client_refused', 'code_refused', 'grant_dead', 'consent_required'],
};

const codeOf = (step: keyof typeof refusals, { kind }: OAuthError) =>
  refusals[step].includes(kind) ? refused : failed;

/** Who can correct what a provider rejects. */
function correctedBy({ preset, assertion }: ClientConfiguration): string {
  if (assertion) return 'Check the service account of the connection: its key, issuer and token URL.';
  return preset.provider === undefined
    ? 'Check the OAuth client and the endpoints of the connection.'
    : `Ask your operator to check the OAuth client of this server for ${preset.provider}.`;
}

const retryAfter = ({ retryAfterSeconds }: OAuthError) =>
  retryAfterSeconds === undefined ? {} : { retryAfterSeconds };

const inBrackets = ({ providerCode }: OAuthError): string =>
  providerCode === undefined ? '' : ` (${providerCode})`;

/** A sign-in could not begin: its authorization request, device code or metadata. */
export const rejectBegin =
  (setup: ClientConfiguration) =>
  (error: unknown): never => {
    if (!(error instanceof OAuthError)) throw error;
    if (error.kind === 'egress_refused') throw egressRefused();
    const code = codeOf('begin', error);
    const who = correctedBy(setup);
    const remedy = code === refused ? who : `Try again in a moment. If it keeps failing: ${who}`;
    throw new AppError(code, `${error.message} ${remedy}`, { cause: error, ...retryAfter(error) });
  };

/**
 * An authorization code was not exchanged.
 * @param error anything; one that is not an OAuthError says nothing about the code
 * @param mayRetry the sign-in is open again, for the same code
 */
export function codeExchangeFailure(
  error: unknown,
  { setup, mayRetry }: { setup: ClientConfiguration; mayRetry: boolean },
): Error {
  const remedy = mayRetry ? 'Send the same code again in a moment.' : beginAgain;
  if (!(error instanceof OAuthError)) return new AppError(failed, remedy, { cause: error });
  if (error.kind === 'egress_refused') return egressRefused();
  const code = mayRetry ? failed : codeOf('redeem', error);
  if (code === failed) {
    const odd = error.kind === 'nonsense' ? `${error.message} ${correctedBy(setup)} ` : '';
    return new AppError(code, `${odd}${remedy}`, { cause: error, ...retryAfter(error) });
  }
  const said = inBrackets(error);
  const detail =
    error.kind === 'client_refused'
      ? `The identity provider rejected the OAuth client or its request${said}. ${correctedBy(setup)} ${beginAgain}`
      : `The identity provider rejected the code${said}. ${beginAgain}`;
  return new AppError(code, detail, { cause: error });
}

/** A refresh token that the user pasted was not verified. */
export function rejectPastedToken(error: unknown): never {
  if (!(error instanceof OAuthError)) throw error;
  if (error.kind === 'egress_refused') throw egressRefused();
  const code = codeOf('redeem', error);
  const detail =
    code === failed
      ? `refreshToken: could not be verified, so it was not stored. ${error.message} If the provider rotates refresh tokens, this one may be used up.`
      : `refreshToken: ${error.message} Nothing was stored. Send a refresh token that was issued to this client, or sign in with authUrlOnly.`;
  throw new AppError(code, detail, { cause: error, ...retryAfter(error) });
}

/** The grant is dead: only its user can sign in again. */
export function signInAgain(cause: unknown): ConnectorError {
  return new ConnectorError('auth_failed', 'The sign-in to the source is no longer valid.', {
    remedy: 'Sign in again.',
    cause,
  });
}

/** The provider has named an address outside of its domains. The token stays here. */
export function foreignApi(): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    'The identity provider named an address for its API that is not one of its own. Nothing was sent there.',
    { remedy: 'Sign in again. If it remains so, tell the operator of this server.' },
  );
}

const waitSeconds = 5;

/** The refresh continues, and its result is kept. */
export function notKnownYet(): ConnectorError {
  return new ConnectorError(
    'unreachable',
    'The identity provider has not answered yet. It is not known whether it refreshed the sign-in.',
    {
      remedy: `Try again in ${waitSeconds} s: its answer is kept when it comes.`,
      retryable: true,
      retryAfterSeconds: waitSeconds,
    },
  );
}

/** The token that the use had is no longer the stored one. */
export function renewedMeanwhile(): ConnectorError {
  return new ConnectorError('unreachable', 'The sign-in was renewed while it was being used.', {
    remedy: 'Try again in 1 s.',
    retryable: true,
    retryAfterSeconds: 1,
  });
}

export interface RefreshFailure {
  /** Of the exchange that failed; absent if no request was sent. */
  setup?: ClientConfiguration;
  /** The provider may have acted on the refresh token. */
  isUnknown?: boolean;
  waitMs?: number;
}

/**
 * The provider failed, or is in a pause after a failure; to our knowledge the grant is unchanged.
 * @param error undefined within a pause; anything but an OAuthError is returned as it is
 */
export function refreshFailure(
  error: unknown,
  { setup, isUnknown = false, waitMs }: RefreshFailure = {},
): unknown {
  const failure = error instanceof OAuthError ? error : undefined;
  if (error !== undefined && !failure) return error;
  if (failure?.kind === 'egress_refused') return egressRefused();
  const seconds = failure?.retryAfterSeconds ?? (waitMs === undefined ? undefined : Math.ceil(waitMs / 1000));
  const more = { retryable: true, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) };
  const outcome = isUnknown ? 'It is not known whether it refreshed the sign-in.' : 'Nothing was lost.';
  if (setup && (failure?.kind === 'client_refused' || failure?.kind === 'nonsense')) {
    return new ConnectorError('unreachable', `${failure.message} ${outcome}`, {
      ...more,
      remedy: correctedBy(setup),
      cause: error,
    });
  }
  const kind = failure?.kind === 'rate_limited' ? 'rate_limited' : 'unreachable';
  const message = isUnknown
    ? `The identity provider failed. ${outcome}`
    : `The identity provider did not refresh the sign-in. ${outcome}`;
  return new ConnectorError(kind, message, {
    ...more,
    remedy: seconds === undefined ? 'Try again in a moment.' : `Try again in ${seconds} s.`,
    cause: error,
  });
}

/** Repeating changes nothing: the key, the client or what it requests has to be corrected. */
const isRefused = ({ kind }: OAuthError): boolean =>
  kind === 'client_refused' || kind === 'grant_dead' || kind === 'consent_required';

/** What a client requests, by the code of its refusal (RFC 6749 section 5.2, RFC 8707 section 2). */
const ofTheRequest = ['invalid_scope', 'invalid_target', 'invalid_resource', 'invalid_request'];
/** What a client may not do. */
const ofItsRights = ['unauthorized_client', 'unsupported_grant_type', 'invalid_grant_type', 'org_internal'];

/** A client or a service account got no token of its own. */
export const clientTokenFailure = (error: OAuthError, setup: ClientConfiguration, waitMs: number): unknown =>
  isRefused(error) ? clientRefused(error, setup) : refreshFailure(error, { setup, waitMs });

/** No user can sign in for a client. */
function clientRefused(error: OAuthError, setup: ClientConfiguration): ConnectorError {
  const code = error.providerCode?.toLowerCase() ?? '';
  const said = inBrackets(error);
  const whose = setup.assertion ? 'service account' : 'OAuth client';
  if (ofTheRequest.includes(code)) {
    // `invalid_request`: a tenant, parameter or address that the provider does not know.
    const some = { invalid_scope: 'scope', invalid_request: 'scope, audience, resource or address' };
    const what = some[code as keyof typeof some] ?? 'audience or resource';
    return new ConnectorError(
      'invalid_config',
      `The identity provider rejects the ${what} that the connection requests${said}.`,
      {
        remedy: `Correct the ${what} in the properties of the connection, or ask the administrator of the provider to allow it for the ${whose}.`,
        cause: error,
      },
    );
  }
  if (ofItsRights.includes(code) || error.kind === 'consent_required') {
    return new ConnectorError(
      'permission_denied',
      `The identity provider does not allow the ${whose} a token of its own${said}.`,
      { remedy: `Ask the administrator of the ${whose} at the provider to allow it.`, cause: error },
    );
  }
  const parts = setup.assertion ? 'key or the issuer' : 'id or the secret';
  const remedy = setup.assertion
    ? 'Get a valid key from the administrator of the service account, and set it in the properties of the connection.'
    : 'Get both from the administrator of the provider, and set the properties clientId and clientSecret of the connection.';
  return new ConnectorError(
    'auth_failed',
    `The identity provider rejects the ${parts} of the ${whose}${said}.`,
    { remedy, cause: error },
  );
}
