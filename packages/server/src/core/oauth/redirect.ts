import { equalDigests, sha256 } from '../crypto/digest.js';

export interface RedirectParameters {
  code?: string;
  state?: string;
  iss?: string;
  error?: string;
}

export type RedirectRefusal = 'state' | 'issuer' | 'provider' | 'duplicate' | 'missing';

export type RedirectResult =
  | { ok: true; code: string }
  /** `providerError` is the provider's `error` code, if it is a plain name. */
  | { ok: false; error: RedirectRefusal; providerError?: string };

export interface RedirectInput {
  /** The query of the redirect. */
  parameters: URLSearchParams;
  /** Absent: the caller found the sign-in by the digest of `state`, which proves it equal. */
  expectedState?: string;
  /** Issuer of the provider that the user was sent to; absent if not known. */
  issuer?: string;
  /** The provider's metadata promises `iss` in every redirect (RFC 9207 section 3). */
  issuerPromised?: boolean;
}

const codeLengthMax = 4096;

/**
 * The known parameters of a redirect, without empty ones.
 * @returns undefined if any parameter is repeated (RFC 6749 section 3.1)
 */
export function readParameters(parameters: URLSearchParams): RedirectParameters | undefined {
  const names = [...parameters.keys()];
  if (new Set(names).size !== names.length) return undefined;
  const known: RedirectParameters = {};
  for (const name of ['code', 'state', 'iss', 'error'] as const) {
    const value = parameters.get(name);
    if (value) known[name] = value;
  }
  return known;
}

/**
 * Validates a redirect from a provider (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207 section 2.4). A missing value counts
 * as a different one, and `error` is read only after state and issuer are proven.
 */
export function readRedirect(input: RedirectInput): RedirectResult {
  const known = readParameters(input.parameters);
  if (known === undefined) return { ok: false, error: 'duplicate' };
  const { code, state, iss, error } = known;
  if (state === undefined || !isExpected(state, input.expectedState)) return { ok: false, error: 'state' };
  if (
    input.issuer !== undefined &&
    (iss === undefined ? input.issuerPromised === true : iss !== input.issuer)
  ) {
    return { ok: false, error: 'issuer' };
  }
  if (error !== undefined) {
    return {
      ok: false,
      error: 'provider',
      ...(/^[\w.-]{1,64}$/.test(error) ? { providerError: error } : {}),
    };
  }
  if (code === undefined || code.length > codeLengthMax) return { ok: false, error: 'missing' };
  return { ok: true, code };
}

function isExpected(state: string, expected: string | undefined): boolean {
  return expected === undefined || (expected !== '' && equalDigests(sha256(state), sha256(expected)));
}
