import type { RandomInt } from '../seeded.js';

/** What a mutation draws from. */
export interface Material {
  random: RandomInt;
  /** Whole inputs of the format. */
  corpus: readonly Buffer[];
  /** Pieces that mean something in the format. */
  tokens: readonly Buffer[];
  /** An input never grows beyond this. */
  bytesMax: number;
}

type Mutation = (input: Buffer, material: Material) => Buffer;

const pick = <Item>(random: RandomInt, items: readonly Item[]): Item =>
  items[random(0, items.length)] as Item;

/** A range that may be empty; short ones are as likely as long ones. */
function rangeOf(length: number, random: RandomInt): [number, number] {
  const start = random(0, length + 1);
  const reach = random(0, 2) === 0 ? Math.min(8, length - start) : length - start;
  return [start, start + random(0, reach + 1)];
}

const replaced = (input: Buffer, [start, end]: [number, number], piece: Buffer): Buffer =>
  Buffer.concat([input.subarray(0, start), piece, input.subarray(end)]);

/** As often as fits. */
function repeated(piece: Buffer, times: number, bytes: number): Buffer {
  const fits = piece.length === 0 ? 0 : Math.min(times, Math.floor(bytes / piece.length));
  return Buffer.alloc(fits * piece.length, piece);
}

const telling = [
  0, 1, 9, 10, 13, 32, 34, 44, 48, 57, 91, 92, 93, 123, 125, 127, 128, 192, 237, 239, 254, 255,
];
const edges = [0n, 1n, 127n, 128n, 255n, 256n, 32_767n, 65_535n, 65_536n, 2n ** 31n - 1n, 2n ** 31n];
const wideEdges = [...edges, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

const changeByte: Mutation = (input, { random }) => {
  const changed = Buffer.from(input);
  const at = random(0, input.length);
  changed[at] = random(0, 2) === 0 ? (changed[at] ?? 0) ^ (1 << random(0, 8)) : pick(random, telling);
  return changed;
};
const cut: Mutation = (input, { random }) => input.subarray(0, random(0, input.length));
const drop: Mutation = (input, { random }) => replaced(input, rangeOf(input.length, random), Buffer.alloc(0));
const double: Mutation = (input, { random, bytesMax }) => {
  const [start, end] = rangeOf(input.length, random);
  const times = pick(random, [1, 1, 2, 10, 1_000, 100_000]);
  return replaced(input, [end, end], repeated(input.subarray(start, end), times, bytesMax - input.length));
};
const putToken: Mutation = (input, { random, tokens, bytesMax }) => {
  if (tokens.length === 0) return input;
  const [start, end] = rangeOf(input.length, random);
  const times = pick(random, [1, 1, 1, 1, 3, 100, 10_000]);
  const piece = repeated(pick(random, tokens), times, bytesMax - input.length);
  return replaced(input, [start, random(0, 2) === 0 ? start : end], piece);
};
const cross: Mutation = (input, { random, corpus }) => {
  const other = pick(random, corpus);
  const [start, end] = rangeOf(other.length, random);
  return replaced(input, rangeOf(input.length, random), other.subarray(start, end));
};
/** Lengths and counts of binary formats: one to eight bytes, either way round. */
const setNumber: Mutation = (input, { random }) => {
  const width = pick(random, [1, 2, 4, 8]);
  if (input.length < width) return input;
  const value = pick(random, wideEdges) & (2n ** BigInt(width * 8) - 1n);
  const bytes = Buffer.from(value.toString(16).padStart(width * 2, '0'), 'hex');
  const at = random(0, input.length - width + 1);
  return replaced(input, [at, at + width], random(0, 2) === 0 ? bytes : bytes.reverse());
};

const mutations: readonly Mutation[] = [changeByte, cut, drop, double, putToken, putToken, cross, setNumber];

/** An input of the corpus, changed one to six times. */
export function mutate(material: Material): Buffer {
  const { random, corpus, bytesMax } = material;
  let input = pick(random, corpus);
  for (let left = random(1, 7); left > 0; left -= 1) {
    if (input.length === 0) input = pick(random, corpus);
    if (input.length > 0) input = pick(random, mutations)(input, material).subarray(0, bytesMax);
  }
  return input;
}
