import type { Cell } from '../../interface/data-types.js';
import { compareDecimals, parseDecimal } from './decimals.js';

// Rounding to doubles keeps the order of numbers, so two of them are compared by their doubles, and digit by digit only
// where these are equal. A double stands for the shortest decimal that rounds to it, as it is written everywhere else.

/** How a cell compares to a number: negative, zero, positive; NaN if it is NaN or no number. */
export type Order = (cell: Cell) => number;

const doubleOf = (cell: Cell): number =>
  typeof cell === 'number' ? cell : typeof cell === 'string' ? Number(cell) : Number.NaN;

export const isNaNCell = (cell: Cell): boolean => cell === 'NaN' || Number.isNaN(cell);

/** How a double compares to the exact number that rounds to it. */
function roundingOf(double: number, exact: ReturnType<typeof parseDecimal>): number {
  if (!exact) return 0;
  const shortest = parseDecimal(String(double));
  return shortest ? compareDecimals(shortest, exact) : double;
}

/** @param text a number, `Infinity` or `-Infinity` */
export function orderTo(text: string): Order {
  const bound = Number(text);
  const exact = parseDecimal(text);
  const rounding = roundingOf(bound, exact);
  return (cell) => {
    const double = doubleOf(cell);
    if (double < bound) return -1;
    if (double > bound) return 1;
    if (double !== bound) return Number.NaN;
    if (typeof cell === 'number' || cell === text) return typeof cell === 'number' ? rounding : 0;
    const own = parseDecimal(String(cell));
    if (!own) return Number.isFinite(double) ? Number.NaN : rounding;
    // A number beyond all doubles is less than infinity.
    return exact ? compareDecimals(own, exact) : -bound;
  };
}

/** Whether a double is exactly this number. */
export const isExactDouble = (text: string): boolean => {
  const exact = parseDecimal(text);
  return exact !== undefined && Number.isFinite(Number(text)) && roundingOf(Number(text), exact) === 0;
};

/** Whether a cell equals one of these numbers. @param texts as for `orderTo`, and `NaN` */
export function isOneOf(texts: readonly string[]): (cell: Cell) => boolean {
  const orders = new Map<number, Order[]>();
  for (const text of texts) {
    const orderOf = orderTo(text);
    const double = Number(text);
    orders.set(double, [...(orders.get(double) ?? []), orderOf]);
  }
  const hasNaN = texts.includes('NaN');
  return (cell) => {
    const double = doubleOf(cell);
    if (Number.isNaN(double)) return hasNaN && isNaNCell(cell);
    const near = orders.get(double);
    return near?.some((orderOf) => orderOf(cell) === 0) === true;
  };
}
