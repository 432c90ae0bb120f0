import { Secret } from '@mooring/connectors/interface/secret';

/** What a user pastes after signing in: `CODE`, `code=CODE`, `code=CODE&state=…`, or the whole URL of the page. */
export interface PastedCode {
  code: Secret<string>;
  state?: string;
  issuer?: string;
}

/** Address bars and forms percent-encode it once. */
function decodedOnce(code: string): string {
  if (!/%[0-9a-f]{2}/i.test(code)) return code;
  try {
    return decodeURIComponent(code);
  } catch {
    return code;
  }
}

/** What follows the `?` or `#` of a URL, or the text itself. */
const parametersIn = (text: string): string => text.replace(/^(?:[a-z][a-z0-9+.-]*:\/\/[^?#]*)?[?#]/i, '');

export function readPastedCode(text: Secret<string>): PastedCode | undefined {
  const trimmed = parametersIn(text.reveal().trim()).replace(/#[^=]*$/, '');
  if (!/(^|&)code=/i.test(trimmed))
    return trimmed === '' ? undefined : { code: new Secret(decodedOnce(trimmed)) };
  const parameters = new URLSearchParams(trimmed);
  const once = (name: string) => (parameters.getAll(name).length === 1 ? parameters.get(name) : null);
  const code = once('code');
  if (!code) return undefined;
  const state = once('state');
  const issuer = once('iss');
  return { code: new Secret(code), ...(state ? { state } : {}), ...(issuer ? { issuer } : {}) };
}
