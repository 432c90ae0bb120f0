// LZ4 blocks: github.com/lz4/lz4, doc/lz4_Block_format.md (1.6.3).

/**
 * Copies output that was written before; source and target overlap where the length exceeds the offset.
 * @returns false for a copy from before the start or beyond the end
 */
export function copyBack(
  output: Uint8Array,
  to: number,
  { offset, length }: { offset: number; length: number },
): boolean {
  if (offset === 0 || offset > to || length > output.length - to) return false;
  if (offset >= length) output.copyWithin(to, to - offset, to - offset + length);
  else for (let index = to; index < to + length; index += 1) output[index] = output[index - offset] ?? 0;
  return true;
}

/**
 * Decodes one block into `output` at `start`. Its matches may reach into what stands before.
 * @returns position after the last byte written; undefined for a broken block, or one that does not fit
 */
export function decodeLz4Block(input: Uint8Array, output: Uint8Array, start: number): number | undefined {
  let at = 0;
  let to = start;
  // NaN beyond the end, which fails every comparison below.
  const lengthFrom = (nibble: number) => {
    let length = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; at += 1) {
      more = input[at] ?? Number.NaN;
      length += more;
    }
    return length;
  };
  while (at < input.length) {
    const token = input[at] as number;
    at += 1;
    const literals = lengthFrom(token >> 4);
    if (!(literals <= input.length - at && literals <= output.length - to)) return undefined;
    output.set(input.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at === input.length) break;
    const [low, high] = [input[at], input[at + 1]];
    if (low === undefined || high === undefined) return undefined;
    at += 2;
    const length = lengthFrom(token & 15) + 4;
    if (Number.isNaN(length) || !copyBack(output, to, { offset: low | (high << 8), length }))
      return undefined;
    to += length;
  }
  return to;
}
