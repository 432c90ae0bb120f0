// Bitmaps of Arrow: one bit a value, the first in the lowest bit of the first byte.

export const isSet = (bitmap: Uint8Array, index: number): boolean =>
  ((bitmap[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

const setBits = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Bits set among the first of a bitmap. */
export function countSet(bitmap: Uint8Array, length: number): number {
  const whole = length >> 3;
  let count = 0;
  for (let index = 0; index < whole; index += 1) count += setBits[bitmap[index] as number] as number;
  return count + (setBits[(bitmap[whole] ?? 0) & (0xff >> (8 - (length & 7)))] as number);
}

/** A bitmap of its own with these bits of another, and zeros after them. */
export function copiedBits(bitmap: Uint8Array, from: number, length: number): Uint8Array {
  const bytes = (length + 7) >> 3;
  const copy = new Uint8Array(bytes);
  const shift = from & 7;
  const start = from >> 3;
  if (shift === 0) copy.set(bitmap.subarray(start, start + bytes));
  else {
    for (let index = 0; index < bytes; index += 1) {
      const low = bitmap[start + index] ?? 0;
      const high = bitmap[start + index + 1] ?? 0;
      copy[index] = (low >> shift) | (high << (8 - shift));
    }
  }
  const rest = length & 7;
  if (rest > 0) copy[bytes - 1] = (copy[bytes - 1] as number) & ((1 << rest) - 1);
  return copy;
}
