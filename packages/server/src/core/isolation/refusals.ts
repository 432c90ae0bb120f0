import { ConnectorError } from '@mooring/connectors/interface/errors';
import { AppError } from '../errors/app-error.js';
import type { Shortage } from './slots.js';

/** Spreads the retries of uses that were refused at the same time. */
const spreadSeconds = 4;
const retryAfter = (waitMs: number): { retryAfterSeconds: number } => ({
  retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) + Math.floor(Math.random() * spreadSeconds),
});

export const busy = (what: string, shortage: Shortage) =>
  new AppError(
    'BUSY',
    shortage === 'share'
      ? `You have reached your half of the concurrent uses of ${what}, and of its queue. Nothing was sent to the source. Let some of your uses end first, or retry as Retry-After says.`
      : `The limit of concurrent uses of ${what} is reached. Nothing was sent to the source. Retry as Retry-After says, with fewer uses at the same time.`,
    retryAfter(0),
  );

export const paused = (waitMs: number) =>
  new AppError(
    'SOURCE-PAUSED',
    'The source could not be reached several times in a row, so uses are refused for a moment. Retry as Retry-After says, or test the connection once the source is back.',
    retryAfter(waitMs),
  );

export const askedToWait = (waitMs: number) => {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new ConnectorError('rate_limited', `The source limits its requests. Retry in ${seconds} seconds.`, {
    retryAfterSeconds: seconds,
    retryable: true,
  });
};
