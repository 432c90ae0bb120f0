import type { CustomFetchOptions } from 'oauth4webapi';
import { judgeAnswer, oddityOf } from './answers.js';
import { OAuthError } from './oauth-error.js';
import { askProvider } from './provider-fetch.js';
import type { ProviderCall } from './types.js';

/**
 * For the endpoints that come before a token: through the gate, no redirect followed, and only an answer that can be a
 * success handed on, holding the members that are named and nothing else.
 */
export function createEndpointFetch(call: ProviderCall, members: readonly string[], status: number) {
  return async (
    url: string,
    request: CustomFetchOptions<'POST', URLSearchParams | undefined>,
  ): Promise<Response> => {
    const answer = await askProvider(call, url, request);
    const verdict = judgeAnswer(answer, 'client', (call.now ?? Date.now)(), call.preset.answers);
    if (verdict) {
      // The code is not shown: this endpoint was sent the client's secrets, and no code of it helps a person.
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
