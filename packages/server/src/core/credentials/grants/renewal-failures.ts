import { ConnectorError } from '@mooring/connectors/spec/errors';
import { egressRefused } from '../../egress/failure.js';
import { OAuthError, type OAuthErrorKind } from '../../oauth/oauth-error.js';
import { mendedBy, type OAuthSetup } from './oauth-setup.js';

// What callers are told of a renewal that brought no token, and how long the provider is left alone then.

/** The provider may have used the refresh token up, although no new one arrived. */
const mayHaveActed: readonly OAuthErrorKind[] = ['unavailable', 'nonsense'];

/** @param isSent whether a byte of the request went out */
export const isOutcomeUnknown = (error: OAuthError, isSent: boolean): boolean =>
  isSent && mayHaveActed.includes(error.kind);

/** The user has to sign in again, and only they can. */
export function signInAgain(cause: unknown): ConnectorError {
  return new ConnectorError('auth_failed', 'The sign-in to the source is no longer valid.', {
    remedy: 'Sign in again.',
    cause,
  });
}

/** What a client asks for, by the code of its refusal (RFC 6749 section 5.2, RFC 8707 section 2). */
const ofTheRequest = ['invalid_scope', 'invalid_target', 'invalid_resource', 'invalid_request'];
/** What a client may not do. */
const ofItsRights = ['unauthorized_client', 'unsupported_grant_type', 'invalid_grant_type', 'org_internal'];

/** A client or a service account was refused a token of its own: no user can sign in for it. */
export function clientRefused(error: OAuthError, setup: OAuthSetup): ConnectorError {
  const code = error.providerCode?.toLowerCase() ?? '';
  const said = error.providerCode === undefined ? '' : ` (${error.providerCode})`;
  const whose = setup.assertion ? 'service account' : 'OAuth client';
  if (ofTheRequest.includes(code)) {
    // `invalid_request`: of a tenant, a parameter or an address that the provider does not know.
    const some = { invalid_scope: 'scope', invalid_request: 'scope, audience, resource or address' };
    const what = some[code as keyof typeof some] ?? 'audience or resource';
    return new ConnectorError(
      'invalid_config',
      `The identity provider refuses the ${what} that the connection asks for${said}.`,
      {
        remedy: `Correct the ${what} in the properties of the connection, or ask whoever administers the provider to allow it to the ${whose}.`,
        cause: error,
      },
    );
  }
  if (ofItsRights.includes(code) || error.kind === 'consent_required') {
    return new ConnectorError(
      'permission_denied',
      `The identity provider does not let the ${whose} have a token of its own${said}.`,
      { remedy: `Whoever administers the ${whose} at the provider must allow it.`, cause: error },
    );
  }
  const parts = setup.assertion ? 'key or the issuer' : 'id or the secret';
  const where = setup.assertion
    ? 'a valid key from whoever administers the service account, and set it in the properties of the connection.'
    : 'both from whoever administers the provider, and set the properties clientId and clientSecret of the connection.';
  return new ConnectorError(
    'auth_failed',
    `The identity provider does not accept the ${parts} of the ${whose}${said}.`,
    { remedy: `Get ${where}`, cause: error },
  );
}

const waitSeconds = 5;

/** The renewal goes on, and what it brings is kept. */
export function notKnownYet(): ConnectorError {
  return new ConnectorError(
    'unreachable',
    'The identity provider has not answered yet. It is not known whether it renewed the sign-in.',
    {
      remedy: `Try again in ${waitSeconds} s: its answer is kept when it comes.`,
      retryable: true,
      retryAfterSeconds: waitSeconds,
    },
  );
}

/** The use was refused with a token that is no longer the stored one. */
export function renewedMeanwhile(): ConnectorError {
  return new ConnectorError('unreachable', 'The sign-in was renewed while it was being used.', {
    remedy: 'Try again in 1 s.',
    retryable: true,
    retryAfterSeconds: 1,
  });
}

export interface Trouble {
  /** Of the exchange that failed; absent where nothing was asked. */
  setup?: OAuthSetup;
  /** The provider may have acted all the same. */
  isUnknown?: boolean;
  waitMs?: number;
}

/** The provider failed, or is left alone after it did; the grant is as it was, as far as anybody knows. */
export function providerTrouble(error: unknown, { setup, isUnknown = false, waitMs }: Trouble = {}): unknown {
  const failure = error instanceof OAuthError ? error : undefined;
  if (error !== undefined && !failure) return error;
  if (failure?.kind === 'egress_refused') return egressRefused();
  const seconds = failure?.retryAfterSeconds ?? (waitMs === undefined ? undefined : Math.ceil(waitMs / 1000));
  const more = { retryable: true, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) };
  const outcome = isUnknown ? 'It is not known whether it renewed the sign-in.' : 'Nothing was lost.';
  if (setup && (failure?.kind === 'client_refused' || failure?.kind === 'nonsense')) {
    return new ConnectorError('unreachable', `${failure.message} ${outcome}`, {
      ...more,
      remedy: mendedBy(setup),
      cause: error,
    });
  }
  const kind = failure?.kind === 'rate_limited' ? 'rate_limited' : 'unreachable';
  const message = isUnknown
    ? `The identity provider failed. ${outcome}`
    : `The identity provider did not renew the sign-in. ${outcome}`;
  return new ConnectorError(kind, message, {
    ...more,
    remedy: seconds === undefined ? 'Try again in a moment.' : `Try again in ${seconds} s.`,
    cause: error,
  });
}

const pause = { firstMs: 1_000, mostMs: 300_000, clientMs: 60_000 };

/**
 * How long the provider is left alone. Doubles with every failure, spread by a quarter so that many grants do not come
 * back at once. An operator who mends a refused client should not have to wait long for it to show.
 */
export function pauseOf(error: OAuthError, failures: number): { pauseMs: number; isBackOff: boolean } {
  if (error.retryAfterSeconds !== undefined) {
    return { pauseMs: error.retryAfterSeconds * 1000, isBackOff: false };
  }
  const spread = 0.75 + Math.random() / 4;
  if (error.kind === 'client_refused') return { pauseMs: pause.clientMs * spread, isBackOff: false };
  const pauseMs = Math.min(pause.firstMs * 2 ** Math.min(failures, 20), pause.mostMs) * spread;
  return { pauseMs, isBackOff: true };
}
