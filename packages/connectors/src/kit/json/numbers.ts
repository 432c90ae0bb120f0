/** Decimals of up to 15 significant digits survive a round trip through a double. */
const safeDigits = 15;

/** Sign, digits without leading and trailing zeros, and power of ten: the same for all spellings of a number. */
function normalised(token: string): string {
  const [, sign, whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  if (end === 0) return '0';
  return `${sign}${digits.slice(0, end)}e${Number(power) - fraction.length + digits.length - end}`;
}

/** Whether a number equals its nearest double, judged by the shortest decimal that round-trips to that double. */
export function isDouble(token: string): boolean {
  const value = Number(token);
  return Number.isFinite(value) && normalised(String(value)) === normalised(token);
}

/**
 * Whether JavaScript writes the number with the same spelling: not for `1.0`, `1e2`, `-0` and digits beyond a double.
 */
export const isWrittenAlike = (token: string): boolean => String(Number(token)) === token;

export const beginsNumber = (byte: number): boolean => (byte >= 0x30 && byte <= 0x39) || byte === 0x2d;

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isOfNumber = (byte: number): boolean =>
  isDigit(byte) || byte === 0x2e || byte === 0x2b || byte === 0x2d || byte === 0x45 || byte === 0x65;

/** Index after the number that starts here. */
export function numberEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from + 1;
  while (at < end && isOfNumber(bytes[at] as number)) at += 1;
  return at;
}

/** Short integers, the most common numbers, are doubles with the same spelling. */
export function isShortInteger(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > safeDigits) return false;
  for (let at = start + 1; at < end; at += 1) if (!isDigit(bytes[at] as number)) return false;
  return bytes[start] !== 0x2d || bytes[start + 1] !== 0x30;
}

const int64Max = 2n ** 63n - 1n;

/** Whether a number beyond a double is a 64-bit integer. */
export function isInt64(token: string): boolean {
  if (!/^-?\d{1,19}$/.test(token)) return false;
  const value = BigInt(token);
  return value <= int64Max && value >= -int64Max - 1n;
}
