import type { TimeUnit } from 'hyparquet';
import { Misfit } from '../../kit/misfit.js';

// Parquet dates and times as text. Date alone is not enough: it ends in the year 275760 and has only milliseconds.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#temporal-types

const perSecond: Record<TimeUnit, number> = { MILLIS: 1e3, MICROS: 1e6, NANOS: 1e9 };

const secondsPerDay = 86_400;
const nanosPerDay = 86_400_000_000_000n;
/** The calendar repeats after 400 years. */
const [cycleYears, cycleDays] = [400, 146_097];
/** The range of Date, in days before and after 1970-01-01. */
const dateDaysMax = 100_000_000;
/** 1970-01-01 as a Julian day. */
const julianEpoch = 2_440_588;

interface Moment {
  seconds: number;
  nanos: number;
}

function momentOf(value: bigint, unit: TimeUnit): Moment {
  const scale = perSecond[unit];
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    const seconds = Math.floor(number / scale);
    return { seconds, nanos: (number - seconds * scale) * (1e9 / scale) };
  }
  const whole = BigInt(scale);
  const rest = ((value % whole) + whole) % whole;
  return { seconds: Number((value - rest) / whole), nanos: Number(rest) * (1e9 / scale) };
}

/** Six fractional digits, or nine where six are too few. */
function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.endsWith('000') ? digits.slice(0, 6) : digits}`;
}

function dayText(days: number): string {
  if (Math.abs(days) <= dateDaysMax) return new Date(days * 86_400_000).toISOString().slice(0, -14);
  const cycles = Math.floor(days / cycleDays);
  const like = new Date((days - cycles * cycleDays) * 86_400_000);
  const year = like.getUTCFullYear() + cycles * cycleYears;
  const digits = String(Math.abs(year)).padStart(6, '0');
  return `${year < 0 ? '-' : '+'}${digits}${like.toISOString().slice(4, 10)}`;
}

function clockText(seconds: number): string {
  const part = (number: number) => String(number).padStart(2, '0');
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(part).join(':');
}

function momentText({ seconds, nanos }: Moment, isUtc: boolean): string {
  const days = Math.floor(seconds / secondsPerDay);
  const clock = clockText(seconds - days * secondsPerDay);
  return `${dayText(days)}T${clock}${fraction(nanos)}${isUtc ? 'Z' : ''}`;
}

/** DuckDB writes infinity as the largest number and minus infinity as its negative. */
const [infiniteDays, infiniteTime] = [2 ** 31 - 1, 2n ** 63n - 1n];

export function dateText(days: number): string {
  if (Math.abs(days) === infiniteDays) return days < 0 ? '-infinity' : 'infinity';
  return dayText(days);
}

export function timestampText(value: bigint, unit: TimeUnit, isUtc: boolean): string {
  if (value === infiniteTime) return 'infinity';
  if (value === -infiniteTime) return '-infinity';
  return momentText(momentOf(value, unit), isUtc);
}

/** @param value nanoseconds of the day in the lower 64 bits, the Julian day above them */
export function int96Text(value: bigint): string {
  const nanos = BigInt.asUintN(64, value);
  if (nanos >= nanosPerDay) throw new Misfit('holds a timestamp whose time of day exceeds 24 hours');
  const { seconds, nanos: rest } = momentOf(nanos, 'NANOS');
  const days = Number(value >> 64n) - julianEpoch;
  return momentText({ seconds: days * secondsPerDay + seconds, nanos: rest }, false);
}

export function timeText(value: bigint, unit: TimeUnit): string {
  const { seconds, nanos } = momentOf(value, unit);
  // 24:00:00 is the end of a day.
  if (seconds < 0 || seconds > secondsPerDay || (seconds === secondsPerDay && nanos > 0))
    throw new Misfit('holds a time of day outside 0 to 24 hours');
  return `${clockText(seconds)}${fraction(nanos)}`;
}

/** Months, days and milliseconds, 32 bits each, as an ISO 8601 duration. */
export function intervalText(bytes: Uint8Array): string {
  if (bytes.length !== 12) throw new RangeError('an interval of the wrong length');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [months, days, millis] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [number, number, number];
  const date = `${months === 0 ? '' : `${months}M`}${days === 0 ? '' : `${days}D`}`;
  const seconds = `${Math.floor(millis / 1000)}${fraction((millis % 1000) * 1e6)}`;
  return `P${date}${millis === 0 && date !== '' ? '' : `T${seconds}S`}`;
}
