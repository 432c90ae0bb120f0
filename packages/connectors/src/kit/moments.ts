// Moments as text. Date alone is not enough: it ends in the year 275760 and has only milliseconds.

const secondsPerDay = 86_400;
/** The calendar repeats after 400 years. */
const [cycleYears, cycleDays] = [400, 146_097];
/** The range of Date, in days before and after 1970-01-01. */
const dateDaysMax = 100_000_000;

/** Since 1970-01-01T00:00:00, on a clock without leap seconds. */
export interface Moment {
  seconds: number;
  nanos: number;
}

/** @param perSecond units in a second: a thousand, a million or a billion */
export function momentOf(value: bigint, perSecond: number): Moment {
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    const seconds = Math.floor(number / perSecond);
    return { seconds, nanos: (number - seconds * perSecond) * (1e9 / perSecond) };
  }
  const whole = BigInt(perSecond);
  const rest = ((value % whole) + whole) % whole;
  return { seconds: Number((value - rest) / whole), nanos: Number(rest) * (1e9 / perSecond) };
}

/** Six fractional digits, or nine where six are too few. */
export function fractionText(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.endsWith('000') ? digits.slice(0, 6) : digits}`;
}

/** `YYYY-MM-DD`; a year of more than four digits has a sign and at least six. @param days since 1970-01-01 */
export function dayText(days: number): string {
  if (Math.abs(days) <= dateDaysMax) return new Date(days * 86_400_000).toISOString().slice(0, -14);
  const cycles = Math.floor(days / cycleDays);
  const like = new Date((days - cycles * cycleDays) * 86_400_000);
  const year = like.getUTCFullYear() + cycles * cycleYears;
  const digits = String(Math.abs(year)).padStart(6, '0');
  return `${year < 0 ? '-' : '+'}${digits}${like.toISOString().slice(4, 10)}`;
}

/** `HH:MM:SS` */
export function clockText(seconds: number): string {
  const part = (number: number) => String(number).padStart(2, '0');
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(part).join(':');
}

/** As a `timestamp`, or as a `datetime`. */
export function momentText({ seconds, nanos }: Moment, isUtc: boolean): string {
  const days = Math.floor(seconds / secondsPerDay);
  const clock = clockText(seconds - days * secondsPerDay);
  return `${dayText(days)}T${clock}${fractionText(nanos)}${isUtc ? 'Z' : ''}`;
}
