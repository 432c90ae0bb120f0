const smallestNormal = 2 ** -126;

/** The shortest number with the same single-precision value: 0.1, not 0.10000000149011612. */
export function shortestOfSingle(single: number): number {
  // The text of minus zero has no sign.
  if (single === 0) return single;
  for (let digits = Math.abs(single) < smallestNormal ? 1 : 6; digits <= 9; digits += 1) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return single;
}
