import { AppError } from '../errors/app-error.js';

/** The documented answer: QLIK.md 0.3. */
export function tooManyRequests(waitMs: number): AppError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new AppError('HTTP-429', `You need to wait ${seconds} seconds until limit is lifted.`, {
    retryAfterSeconds: seconds,
  });
}
