/** A number by its digits: 0.DIGITS × 10^point. Zero has no digits and no sign. */
export interface Decimal {
  isNegative: boolean;
  digits: string;
  point: number;
}

const form = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/;

/** The exact value of a number as text, in the spelling of JSON or with leading zeros; undefined for anything else. */
export function parseDecimal(text: string): Decimal | undefined {
  const [matched, sign, whole = '', fraction = '', power = '0'] = form.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const all = whole + fraction;
  let start = 0;
  while (all[start] === '0') start += 1;
  let end = all.length;
  while (end > start && all[end - 1] === '0') end -= 1;
  if (start === end) return { isNegative: false, digits: '', point: 0 };
  return {
    isNegative: sign === '-',
    digits: all.slice(start, end),
    point: whole.length - start + Number(power),
  };
}

/** Negative, zero or positive, as for `sort`. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.digits === '' || right.digits === '') return signOf(left) - signOf(right);
  if (left.isNegative !== right.isNegative) return left.isNegative ? -1 : 1;
  const larger = left.isNegative ? -1 : 1;
  if (left.point !== right.point) return left.point > right.point ? larger : -larger;
  if (left.digits === right.digits) return 0;
  return left.digits > right.digits ? larger : -larger;
}

const signOf = ({ digits, isNegative }: Decimal): number => (digits === '' ? 0 : isNegative ? -1 : 1);
