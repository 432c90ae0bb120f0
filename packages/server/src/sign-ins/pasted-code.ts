import { Secret } from '@mooring/connectors/spec/secret';

/** What a person pastes after signing in: `CODE`, `code=CODE` or `code=CODE&state=…`, also as a whole URL's query. */
export interface PastedCode {
  code: Secret<string>;
  state?: string;
  issuer?: string;
}

export function readPastedCode(text: Secret<string>): PastedCode | undefined {
  const trimmed = text.reveal().trim().replace(/^\?/, '');
  if (!/(^|&)code=/i.test(trimmed)) return trimmed === '' ? undefined : { code: new Secret(trimmed) };
  const parameters = new URLSearchParams(trimmed);
  const once = (name: string) => (parameters.getAll(name).length === 1 ? parameters.get(name) : null);
  const code = once('code');
  if (!code) return undefined;
  const state = once('state');
  const issuer = once('iss');
  return { code: new Secret(code), ...(state ? { state } : {}), ...(issuer ? { issuer } : {}) };
}
