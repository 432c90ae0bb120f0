import type { CustomFetchOptions } from 'oauth4webapi';
import { judgeAnswer, oddityOf } from './answers.js';
import { OAuthError } from './oauth-error.js';
import { askProvider } from './provider-fetch.js';
import type { ProviderCall } from './types.js';

/**
 * `fetch` for the endpoints before the token endpoint: through the gate, without following redirects. Only a response that
 * can be a success is returned, with the named members and no others.
 */
export function createEndpointFetch(call: ProviderCall, members: readonly string[], status: number) {
  return async (
    url: string,
    request: CustomFetchOptions<'POST', URLSearchParams | undefined>,
  ): Promise<Response> => {
    const answer = await askProvider(call, url, request);
    const verdict = judgeAnswer(answer, 'client', call.now(), call.preset.answers);
    if (verdict) {
      // Without the provider's code: it could echo the client's secrets, and does not help a user.
      const { kind, retryAfterSeconds } = verdict;
      throw new OAuthError(kind, {
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
        ...(kind === 'nonsense' ? { detail: oddityOf(answer) } : {}),
      });
    }
    const known = members.flatMap((name) => {
      const value = answer.body?.[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return Response.json(Object.fromEntries(known), { status });
  };
}
