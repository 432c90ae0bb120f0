import { BigQuery } from '@google-cloud/bigquery';
import { GoogleToken, PassThroughClient } from 'google-auth-library';
import { documentOf, type Exchange, exchangeJson } from '../../families/http/exchange.js';
import { isBearerToken } from '../../families/http/headers.js';
import type { ConnectorInput, SessionContext } from '../../interface/connector.js';
import type { JsonValue } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { parsingCaps } from '../../kit/json/caps.js';
import {
  type Endpoints,
  endpointsOf,
  projectOf,
  type ServiceAccountKey,
  serviceAccountKey,
  usesServiceAccount,
} from './credentials.js';
import { fromResponse, fromTokenResponse } from './errors.js';
import { type BigQueryProperties, propertiesSchema, scope } from './properties.js';

/** A page of BigQuery is one document, parsed as a whole. */
const caps = parsingCaps({});

/** Longer than the long poll of getQueryResults. */
const requestSeconds = 60;
const cancelSeconds = 5;

export type JsonObject = { [key: string]: JsonValue };

/** Returns the named member if it is an object, else `{}`. Safe on malformed responses. */
export function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/** Returns the named member if it is non-empty text, else undefined. */
export function textIn(parent: JsonObject, name: string): string | undefined {
  const value = parent[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Returns the objects in the named list and drops everything else in it. */
export function objectsIn(parent: JsonObject, name: string): JsonObject[] {
  const value = parent[name];
  return Array.isArray(value)
    ? value.filter(
        (item): item is JsonObject => typeof item === 'object' && item !== null && !Array.isArray(item),
      )
    : [];
}

export interface ApiRequest {
  method?: 'GET' | 'POST';
  /** Relative to `/bigquery/v2/projects/{project}`. */
  uri: string;
  qs?: Readonly<Record<string, string | number | boolean | undefined>>;
  json?: JsonObject;
}

/** The BigQuery REST API of one project, with one login. */
export interface Api {
  projectId: string;
  properties: BigQueryProperties;
  /** Aborted when the caller leaves or the session closes. */
  signal: AbortSignal;
  call(request: ApiRequest): Promise<JsonObject>;
  /** Like `call`, but continues for a few seconds after `signal` is aborted, to cancel work. */
  callAfterAbort(request: ApiRequest): Promise<JsonObject>;
}

type AccessToken = (renew: boolean) => Promise<string>;
type Base = Pick<Exchange, 'network' | 'signal' | 'timeoutSeconds'>;

/**
 * Exchanges the key for access tokens (RFC 7523) and keeps the last one. The library always calls Google's own token
 * endpoint, so the assertion is posted here, to that endpoint or the operator's.
 */
function serviceAccountTokens(key: ServiceAccountKey, endpoints: Endpoints, base: Base): AccessToken {
  const exchange: Exchange = {
    ...base,
    renewable: false,
    headers: async () => ({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    }),
    failure: fromTokenResponse,
  };
  const post = async (assertion: unknown) => {
    const answer = await exchangeJson(exchange, endpoints.token, {
      method: 'POST',
      body: String(assertion),
      caps,
    });
    const document = documentOf(answer);
    const { access_token: token, expires_in: seconds } = (document ?? {}) as JsonObject;
    if (typeof token !== 'string' || !isBearerToken(token)) {
      throw new ConnectorError('protocol_error', 'The token endpoint returned no access token.');
    }
    const isPlausible = typeof seconds === 'number' && seconds > 0 && seconds <= 86_400;
    return { access_token: token, expires_in: isPlausible ? seconds : 3600 };
  };
  const tokens = new GoogleToken({
    iss: key.email,
    key: key.privateKey.reveal(),
    scope,
    additionalClaims: { aud: endpoints.token.href },
    eagerRefreshThresholdMillis: 60_000,
    transporter: { request: async ({ data }) => ({ data: await post(data) }) as never },
  });
  return async (renew) => {
    try {
      const { access_token: token } = await tokens.getToken({ forceRefresh: renew });
      return String(token);
    } catch (error) {
      if (error instanceof ConnectorError) throw error;
      throw new ConnectorError('invalid_config', 'The private key of the key file cannot be used.', {
        remedy: 'Create a new JSON key for the service account.',
      });
    }
  };
}

function userTokens(login: ConnectorInput['login']): AccessToken {
  return async (renew) => {
    const token = (await login.accessToken?.({ renew }))?.reveal();
    if (token !== undefined && isBearerToken(token)) return token;
    throw new ConnectorError('auth_failed', 'The credential has no Google sign-in.', {
      remedy: 'Sign in again.',
    });
  };
}

/**
 * Google's client with its transport replaced. Its own transport, teeny-request, takes no agent per request and obeys
 * HTTP_PROXY, and its authentication falls back to environment, files and the metadata server.
 */
function createClient(projectId: string, endpoints: Endpoints, send: Send): BigQuery {
  const client = new BigQuery({
    projectId,
    apiEndpoint: endpoints.api.origin,
    authClient: new PassThroughClient(),
    // Google compresses only for clients whose user agent contains gzip.
    userAgent: 'Mooring (gzip)',
  });
  // BIGQUERY_EMULATOR_HOST would override apiEndpoint here.
  client.baseUrl = `${endpoints.api.origin}/bigquery/v2`;
  const deliver = (request: Outgoing, callback: Callback) => {
    send(request).then(
      (body) => callback(null, body),
      (error: Error) => callback(error),
    );
  };
  client.makeAuthenticatedRequest = deliver as unknown as BigQuery['makeAuthenticatedRequest'];
  return client;
}

interface Outgoing {
  uri: string;
  method?: string;
  qs?: Record<string, unknown>;
  json?: unknown;
  headers?: Record<string, string>;
}
type Callback = (error: Error | null, body?: unknown) => void;
type Send = (request: Outgoing) => Promise<JsonObject>;

function sender(base: Base, accessToken: AccessToken): Send {
  return async (request) => {
    const url = new URL(request.uri);
    for (const [name, value] of Object.entries(request.qs ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const hasBody = request.json !== undefined;
    const exchange: Exchange = {
      ...base,
      renewable: true,
      headers: async (renew) => ({
        ...request.headers,
        accept: 'application/json',
        'accept-encoding': 'gzip',
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        authorization: `Bearer ${await accessToken(renew)}`,
      }),
      failure: fromResponse,
    };
    const answer = await exchangeJson(exchange, url, {
      method: request.method ?? 'GET',
      ...(hasBody ? { body: JSON.stringify(request.json) } : {}),
      caps,
    });
    const document = documentOf(answer);
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) return document;
    throw new ConnectorError('protocol_error', 'BigQuery returned something other than a JSON object.');
  };
}

/**
 * Signs in and returns the API of the connection's project.
 * @param signal ends all requests of the session
 * @throws ConnectorError `auth_failed`, `invalid_config` or the meaning of the token endpoint's failure
 */
export async function openApi(
  input: ConnectorInput,
  context: SessionContext,
  signal: AbortSignal,
): Promise<Api> {
  const properties = propertiesSchema.parse(input.properties);
  const endpoints = endpointsOf(context.settings);
  const base: Base = { network: context.network, signal, timeoutSeconds: requestSeconds };
  const key = usesServiceAccount(input) ? await serviceAccountKey(input.login.fields) : undefined;
  const accessToken = key ? serviceAccountTokens(key, endpoints, base) : userTokens(input.login);
  const projectId = projectOf(properties, key);
  await accessToken(false);

  const client = createClient(projectId, endpoints, sender(base, accessToken));
  const through =
    (google: BigQuery) =>
    (request: ApiRequest): Promise<JsonObject> =>
      new Promise((resolve, reject) => {
        google.request({ ...request, qs: { ...request.qs } }, (error: Error | null, body: JsonObject) =>
          error ? reject(error) : resolve(body),
        );
      });
  return {
    projectId,
    properties,
    signal,
    call: through(client),
    callAfterAbort(request) {
      const late: Base = { ...base, signal: AbortSignal.timeout(cancelSeconds * 1000) };
      return through(createClient(projectId, endpoints, sender(late, accessToken)))(request);
    },
  };
}
