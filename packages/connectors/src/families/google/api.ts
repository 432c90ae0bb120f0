import { ConnectorError } from '../../interface/errors.js';
import type { Network } from '../../interface/network.js';
import { parsingCaps } from '../../kit/json/caps.js';
import { documentOf, exchangeJson } from '../http/exchange.js';
import type { AccessTokens } from './access-tokens.js';
import { failureIn } from './failures.js';
import { isObject, type JsonObject } from './members.js';

/** A page of rows is one document, parsed as a whole. */
const caps = parsingCaps({});

/** Longer than any answer that an API holds back. */
const requestSeconds = 60;

export interface ApiRequest {
  method?: 'GET' | 'POST';
  /** Below the base of the API, encoded, from its slash. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: JsonObject;
}

/** An API of Google, with one login. @throws GoogleFailure for a refusal */
export type GoogleApi = (request: ApiRequest, call: { signal: AbortSignal }) => Promise<JsonObject>;

/** @param base of the API, without a slash at its end */
export const googleApi =
  (base: string, { network, tokens }: { network: Network; tokens: AccessTokens }): GoogleApi =>
  async ({ method = 'GET', path, query = {}, body }, { signal }) => {
    const url = new URL(`${base}${path}`);
    for (const [name, value] of Object.entries({ ...query, prettyPrint: false }))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const headers = async (renew: boolean) => ({
      accept: 'application/json',
      'accept-encoding': 'gzip',
      // Google compresses only for clients whose user agent contains gzip.
      'user-agent': 'Mooring (gzip)',
      ...(body ? { 'content-type': 'application/json' } : {}),
      authorization: `Bearer ${(await tokens(renew, signal)).reveal()}`,
    });
    const answer = await exchangeJson(
      { network, signal, timeoutSeconds: requestSeconds, renewable: true, headers, failure: failureIn },
      url,
      { method, ...(body ? { body: JSON.stringify(body) } : {}), caps },
    );
    const document = documentOf(answer);
    if (isObject(document)) return document;
    throw new ConnectorError('protocol_error', 'The API returned something other than a JSON object.');
  };
