import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/interface/errors';
import { afterSilence } from '@mooring/connectors/kit/silence';
import type { CustomFetchOptions } from 'oauth4webapi';
import { readAnswerJson } from '../egress/answer-json.js';
import { type Answer, type GrantStep, judgeAnswer, oddityOf } from './answers.js';
import { OAuthError, type OAuthErrorKind } from './oauth-error.js';
import { normaliseTokenBody, type TokenBodyOptions } from './token-body.js';
import type { ProviderCall } from './types.js';

const tokenTimeoutMs = 10_000;
const bodyBytesMax = 256 * 1024;

type CustomFetch = (
  url: string,
  options: CustomFetchOptions<'GET' | 'POST', URLSearchParams | undefined>,
) => Promise<Response>;

/** Other kinds, such as broken HTTP, mean that the provider did not answer completely, if at all. */
const kindOfFailure: Partial<Record<ConnectorErrorKind, OAuthErrorKind>> = {
  egress_refused: 'egress_refused',
  invalid_config: 'client_refused',
  too_large: 'nonsense',
  unsupported: 'nonsense',
};

/**
 * The library's `fetch`: through the gate, with one timeout for request and response, and without following redirects. Only
 * a response that can be a success is returned, in the form that the library reads; every other one is thrown.
 */
export function createTokenFetch(
  call: ProviderCall,
  step: GrantStep,
  body: TokenBodyOptions & { onBody?: (body: Readonly<Record<string, unknown>>) => void },
): CustomFetch {
  return async (url, request) => {
    const readsForms = call.preset.answersForms === true;
    const answer = await askProvider({ ...call, readsForms }, url, request);
    const verdict = judgeAnswer(answer, step, call.now(), call.preset.answers);
    if (verdict !== undefined) {
      const { kind, providerCode, ...rest } = verdict;
      const isShown = providerCode !== undefined && !isEcho(providerCode, sentSecrets(call, request));
      throw new OAuthError(kind, {
        ...rest,
        ...(isShown ? { providerCode } : {}),
        ...(kind === 'nonsense' ? { detail: oddityOf(answer) } : {}),
      });
    }
    const tokens = normaliseTokenBody(answer.body ?? {}, { ...body, ways: call.preset });
    body.onBody?.(answer.body ?? {});
    return Response.json(tokens);
  };
}

interface Asking extends Pick<ProviderCall, 'network' | 'signal' | 'tokenTimeoutMs' | 'beforeSend'> {
  /** The provider answers with forms, even if JSON was requested. */
  readsForms?: boolean;
}

/** JSON is read whatever its content type: some send it as text, and error pages as JSON. */
export async function askProvider(
  call: Asking,
  url: string,
  request: Pick<CustomFetchOptions<string, URLSearchParams | undefined>, 'method' | 'headers' | 'body'>,
): Promise<Answer> {
  const limit = new AbortController();
  // An answer that arrived while this process was suspended is read, not dropped for being late.
  const answered = afterSilence(call.tokenTimeoutMs ?? tokenTimeoutMs, () => limit.abort());
  const signal = call.signal === undefined ? limit.signal : AbortSignal.any([call.signal, limit.signal]);
  try {
    const response = await call.network.fetch(url, {
      method: request.method,
      headers: { ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body.toString() }),
      signal,
      bodyBytesMax,
      ...(call.beforeSend === undefined ? {} : { beforeSend: call.beforeSend }),
    });
    const { status } = response;
    const isRedirect = status >= 300 && status < 400;
    if (isRedirect) await response.body?.cancel();
    const isJudgedByStatus = status === 429 || status >= 500;
    const type = typeOf(response);
    const isForm = type === 'form' && call.readsForms === true;
    const read = isRedirect ? undefined : isForm ? readForm(response) : readAnswerJson(response);
    const json = isJudgedByStatus ? await read?.catch(() => undefined) : await read;
    return { status, retryAfter: response.headers.get('retry-after'), body: asObject(json), type };
  } catch (error) {
    const kind = error instanceof ConnectorError ? kindOfFailure[error.kind] : undefined;
    throw new OAuthError(kind ?? 'unavailable', { cause: error });
  } finally {
    answered();
  }
}

function typeOf({ headers }: Response): Answer['type'] {
  const [type] = (headers.get('content-type') ?? '').toLowerCase().split(';');
  if (type?.trim() === 'application/x-www-form-urlencoded') return 'form';
  return type?.trim() === 'text/html' ? 'page' : undefined;
}

/** @returns undefined if a parameter is repeated, which RFC 6749 appendix B forbids */
async function readForm(response: Response): Promise<Record<string, string> | undefined> {
  const pairs = [...new URLSearchParams(await response.text())];
  const form = Object.fromEntries(pairs);
  return Object.keys(form).length === pairs.length ? form : undefined;
}

function asObject(json: unknown): Record<string, unknown> | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)
    : undefined;
}

/** So many characters of a secret in a row are not a coincidence. */
const echoLength = 8;

/** An error code that echoes a part of the request could carry a secret into messages and logs. */
function isEcho(providerCode: string, sent: readonly string[]): boolean {
  const code = providerCode.toLowerCase();
  const parts = Array.from({ length: Math.max(0, code.length - echoLength + 1) }, (_, at) =>
    code.slice(at, at + echoLength),
  );
  return sent.some((text) => {
    const secret = text.toLowerCase();
    return secret.includes(code) || parts.some((part) => secret.includes(part));
  });
}

function sentSecrets(call: ProviderCall, request: Parameters<CustomFetch>[1]): string[] {
  const names = [
    'code',
    'code_verifier',
    'refresh_token',
    'client_secret',
    'client_assertion',
    'assertion',
    'device_code',
  ];
  const sent = names.map((name) => request.body?.get(name) ?? '');
  const [, ofHeader = ''] = (request.headers['authorization'] ?? '').split(' ');
  return [...sent, ofHeader, call.client.clientSecret?.reveal() ?? ''];
}
