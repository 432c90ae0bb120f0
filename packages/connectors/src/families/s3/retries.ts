import type { S3Client } from '@aws-sdk/client-s3';
import type { Retries } from '../../spec/connector.js';

// The SDK tries a failed request again after a random pause. Each use has a client of its own, so that the SDK's own
// limit, which is one of a client, would let every one of many callers ask a source twice that is in trouble.

type Strategy = Awaited<ReturnType<S3Client['config']['retryStrategy']>>;
type TokenStrategy = Extract<Strategy, { refreshRetryTokenForRetry: unknown }>;

const hasTokens = (strategy: Strategy): strategy is TokenStrategy => 'refreshRetryTokenForRetry' in strategy;

/** Lets the client try again only as long as all clients of this origin together have earned it. */
export function limitRetries(client: S3Client, origin: string, retries: Retries): void {
  const { retryStrategy } = client.config;
  client.config.retryStrategy = async () => {
    const strategy = await retryStrategy();
    if (!hasTokens(strategy)) throw new Error('The SDK has another kind of retries than it had.');
    return {
      acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
      async refreshRetryTokenForRetry(token, error) {
        if (!(await retries.take(origin))) throw new Error('no retry is saved up');
        try {
          return await strategy.refreshRetryTokenForRetry(token, error);
        } catch (refusal) {
          retries.giveBack(origin);
          throw refusal;
        }
      },
      recordSuccess(token) {
        retries.earn(origin);
        strategy.recordSuccess(token);
      },
    } satisfies TokenStrategy;
  };
}
