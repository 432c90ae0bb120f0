import { AppError, invalidField } from '../../errors/app-error.js';
import type { SignInTable } from '../../store/tables.js';
import { beginAgain } from './open-sign-in.js';
import type { PastedCode } from './pasted-code.js';

// The redirect of a native client lands on the user's machine (RFC 8252 section 7.3): a literal loopback address, since
// a name can be made to point elsewhere (section 8.3); any port, one path.

const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})\/callback$/;

const isLoopbackRedirect = (uri: string): boolean => {
  const port = loopback.exec(uri)?.[2];
  return port !== undefined && Number(port) <= 65_535;
};

/** @throws InvalidRequest for any other form, and for a client that is not registered as a native one */
export function readLoopbackRedirect(uri: string, setup: { isNative?: boolean }): string {
  if (!isLoopbackRedirect(uri)) {
    throw invalidField(
      'redirectUri',
      'must be http://127.0.0.1:<port>/callback or http://[::1]:<port>/callback',
    );
  }
  if (setup.isNative !== true) {
    throw invalidField(
      'redirectUri',
      'needs a client that is registered as a native one (loopbackRedirect in oauth.clients). Omit it and copy the code from the page',
    );
  }
  return uri;
}

/**
 * A redirect to the user's machine has not been validated yet: state and issuer must be in it.
 * @throws AppError SIGN-IN-INVALID
 */
export function assertSameRedirect(row: SignInTable, pasted: PastedCode): void {
  if (!isLoopbackRedirect(row.redirect_uri)) return;
  // If there is a state, the sign-in was found by it.
  const isIssuerMissing = row.issuer_promised === 1 && pasted.issuer === undefined;
  if (pasted.state !== undefined && !isIssuerMissing) return;
  throw new AppError(
    'SIGN-IN-INVALID',
    `authCode must be the complete query of the redirect, with state${isIssuerMissing ? ' and iss' : ''}. ${beginAgain}`,
  );
}
