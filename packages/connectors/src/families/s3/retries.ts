import type { S3Client } from '@aws-sdk/client-s3';

// The SDK tries a failed request again after a random pause. Each use has a client of its own, so that the SDK's own
// limit, which is one of a client, would let every one of many callers ask a source twice that is in trouble. What is
// kept here is kept for all of them.

/** Retries that are saved up at most: so many come on top of an outage, however many callers are in it. */
const savedMax = 5;
/** What an answered request earns: in good times one request in ten may be tried again. */
const earned = 0.1;
const originsMax = 1000;

interface Budget {
  saved: number;
}

const budgets = new Map<string, Budget>();

function budgetOf(origin: string): Budget {
  const found = budgets.get(origin) ?? { saved: savedMax };
  // The one that was asked for last stands last, so that the first one is the one to forget.
  budgets.delete(origin);
  budgets.set(origin, found);
  const [oldest] = budgets.keys();
  if (budgets.size > originsMax && oldest !== undefined) budgets.delete(oldest);
  return found;
}

type Strategy = Awaited<ReturnType<S3Client['config']['retryStrategy']>>;
type TokenStrategy = Extract<Strategy, { refreshRetryTokenForRetry: unknown }>;

const hasTokens = (strategy: Strategy): strategy is TokenStrategy => 'refreshRetryTokenForRetry' in strategy;

/** Lets the client try again only as long as all clients of this origin together have earned it. */
export function limitRetries(client: S3Client, origin: string): void {
  const budget = budgetOf(origin);
  const { retryStrategy } = client.config;
  client.config.retryStrategy = async () => {
    const strategy = await retryStrategy();
    if (!hasTokens(strategy)) throw new Error('The SDK has another kind of retries than it had.');
    return {
      acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
      async refreshRetryTokenForRetry(token, error) {
        if (budget.saved < 1) throw new Error('no retry is saved up');
        budget.saved -= 1;
        try {
          return await strategy.refreshRetryTokenForRetry(token, error);
        } catch (refusal) {
          budget.saved += 1;
          throw refusal;
        }
      },
      recordSuccess(token) {
        budget.saved = Math.min(savedMax, budget.saved + earned);
        strategy.recordSuccess(token);
      },
    } satisfies TokenStrategy;
  };
}
