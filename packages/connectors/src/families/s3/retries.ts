import type { S3Client } from '@aws-sdk/client-s3';
import type { Retries } from '../../interface/retries.js';

// The SDK retries a failed request after a random delay. Each use has its own client, so the SDK's limit per client
// would let each of many callers hit a failing source twice.

type Strategy = Awaited<ReturnType<S3Client['config']['retryStrategy']>>;
type TokenStrategy = Extract<Strategy, { refreshRetryTokenForRetry: unknown }>;

const hasTokens = (strategy: Strategy): strategy is TokenStrategy => 'refreshRetryTokenForRetry' in strategy;

/** Lets the client retry only as long as the shared retry budget of this origin allows. */
export function limitRetries(client: S3Client, origin: string, retries: Retries): void {
  const { retryStrategy } = client.config;
  client.config.retryStrategy = async () => {
    const strategy = await retryStrategy();
    if (!hasTokens(strategy)) throw new Error('The SDK no longer uses the expected retry strategy.');
    return {
      acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
      async refreshRetryTokenForRetry(token, error) {
        if (!(await retries.take(origin))) throw new Error('the retry budget is empty');
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
