import type { TimeUnit } from 'hyparquet';
import { Misfit } from '../../kit/misfit.js';
import { clockText, dayText, fractionText, momentOf, momentText } from '../../kit/moments.js';

// Parquet dates and times as text.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#temporal-types

const perSecond: Record<TimeUnit, number> = { MILLIS: 1e3, MICROS: 1e6, NANOS: 1e9 };

const secondsPerDay = 86_400;
const nanosPerDay = 86_400_000_000_000n;
/** 1970-01-01 as a Julian day. */
const julianEpoch = 2_440_588;

/** DuckDB writes infinity as the largest number and minus infinity as its negative. */
const [infiniteDays, infiniteTime] = [2 ** 31 - 1, 2n ** 63n - 1n];

export function dateText(days: number): string {
  if (Math.abs(days) === infiniteDays) return days < 0 ? '-infinity' : 'infinity';
  return dayText(days);
}

export function timestampText(value: bigint, unit: TimeUnit, isUtc: boolean): string {
  if (value === infiniteTime) return 'infinity';
  if (value === -infiniteTime) return '-infinity';
  return momentText(momentOf(value, perSecond[unit]), isUtc);
}

/** @param value nanoseconds of the day in the lower 64 bits, the Julian day above them */
export function int96Text(value: bigint): string {
  const nanos = BigInt.asUintN(64, value);
  if (nanos >= nanosPerDay) throw new Misfit('holds a timestamp whose time of day exceeds 24 hours');
  const { seconds, nanos: rest } = momentOf(nanos, perSecond.NANOS);
  const days = Number(value >> 64n) - julianEpoch;
  return momentText({ seconds: days * secondsPerDay + seconds, nanos: rest }, false);
}

export function timeText(value: bigint, unit: TimeUnit): string {
  const { seconds, nanos } = momentOf(value, perSecond[unit]);
  // 24:00:00 is the end of a day.
  if (seconds < 0 || seconds > secondsPerDay || (seconds === secondsPerDay && nanos > 0))
    throw new Misfit('holds a time of day outside 0 to 24 hours');
  return `${clockText(seconds)}${fractionText(nanos)}`;
}

/** Months, days and milliseconds, 32 bits each, as an ISO 8601 duration. */
export function intervalText(bytes: Uint8Array): string {
  if (bytes.length !== 12) throw new RangeError('an interval of the wrong length');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [months, days, millis] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [number, number, number];
  const date = `${months === 0 ? '' : `${months}M`}${days === 0 ? '' : `${days}D`}`;
  const seconds = `${Math.floor(millis / 1000)}${fractionText((millis % 1000) * 1e6)}`;
  return `P${date}${millis === 0 && date !== '' ? '' : `T${seconds}S`}`;
}
