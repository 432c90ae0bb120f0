import { walkSignIn } from '../sign-in-walk.js';
import { expectEqual, Mismatch } from './expectations.js';
import type { SecretValues } from './secrets.js';
import type { Step } from './walk.js';

export interface BrowserVisit {
  authUrl: string;
  login: string;
  password: string;
  secrets: SecretValues;
}

/** The path without ids, which are long and mean nothing to readers. */
const shortPath = (url: URL) => url.pathname.replaceAll(/[\w-]{20,}/g, '…');

/** A `fetch` that tells which pages were opened and which forms sent; queries stay out, they hold one-time values. */
function narratedFetch(step: Step): typeof globalThis.fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? 'GET';
    const form = init?.body instanceof URLSearchParams ? [...init.body] : [];
    const fields = form.map(([name, value]) => `${name}=${value}`).join('&');
    const response = await fetch(input, init);
    const location = response.headers.get('location');
    const next = location === null ? 'a page' : `go to ${shortPath(new URL(location, url))}`;
    const sent = fields === '' ? '' : `  ${fields}`;
    step.say('·', `browser ${method} ${shortPath(url)}${sent}  ← ${response.status}, ${next}`);
    return response;
  };
}

/**
 * Signs in over HTTP as a browser would, and takes the code off the page where it ends.
 * @throws Mismatch when that page shows no code.
 */
export async function signInWithBrowser(step: Step, visit: BrowserVisit): Promise<string> {
  const { authUrl, login, password, secrets } = visit;
  const page = await walkSignIn({ authUrl, login, password, fetch: narratedFetch(step) });
  expectEqual('status of the page after the sign-in', page.status, 200);
  const code = /<[^>]+ id="auth-code"[^>]*>([^<]+)</.exec(page.html)?.[1]?.trim();
  if (code === undefined) {
    throw new Mismatch('the page after the sign-in', 'a code in the element auth-code', page.html);
  }
  secrets.hide(code);
  return code;
}
