import { InvalidRequest } from '../errors/app-error.js';

export const daysMax = 3650;

/**
 * Milliseconds of an ISO 8601 duration; a month counts 30 days and a year 365, as key lifetimes need no calendar.
 * @throws InvalidRequest naming `field`
 */
export function durationMs(text: string, field: string): number {
  const parts =
    /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$/.exec(
      text,
    );
  if (!parts)
    throw new InvalidRequest([{ field, message: 'must be an ISO 8601 duration, for instance P90D' }]);
  const [years, months, weeks, days, hours, minutes, seconds] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  const dayCount = (years ?? 0) * 365 + (months ?? 0) * 30 + (weeks ?? 0) * 7 + (days ?? 0);
  const ms = (((dayCount * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
  if (ms < 1000 || ms > daysMax * 86_400_000) {
    throw new InvalidRequest([{ field, message: `must be from one second to ${daysMax} days` }]);
  }
  return ms;
}
