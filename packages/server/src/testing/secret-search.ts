import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { formsOf } from './secret-forms.js';

/** A place to search. */
export interface Place {
  name: string;
  bytes: Buffer;
  /** The only secret that is expected here. */
  mayHold?: string;
}

interface Pattern {
  secret: string;
  what: string;
  form: string;
  bytes: Buffer;
}

/** Minimum length of a form, so that one of the last four offsets of a word in it is aligned. */
const lengthMin = 8;
const wordLength = 4;
const slots = 1 << 21;
const besideLength = 16;

const slotOf = (word: number): number => (Math.imul(word, 0x9e3779b1) >>> 11) & (slots - 1);

/** The whole words of a text, aligned to it. */
function wordsOf(bytes: Buffer): Int32Array {
  const aligned = bytes.byteOffset % wordLength === 0 ? bytes : new Uint8Array(bytes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, Math.floor(bytes.length / wordLength));
}

/** Text around the secret, without the secret: a message must not repeat it. */
function excerpt(bytes: Buffer, start: number, end: number): string {
  const printable = (from: number, to: number) =>
    bytes.toString('latin1', Math.max(0, from), to).replaceAll(/[^ -~]/g, '·');
  return `${printable(start - besideLength, start)}[…]${printable(end, end + besideLength)}`;
}

/**
 * Searches for every form of many secrets in one pass over the aligned words of a text: a form is recognized by the four
 * words at its end of which one is aligned wherever it lies. The time hardly depends on how many secrets there are.
 */
export class SecretSearch {
  readonly #isTaken = new Uint8Array(slots);
  /** By a word, the forms that have it, and how far before their end it begins. */
  readonly #byWord = new Map<number, { pattern: Pattern; beforeEnd: number }[]>();

  /** @throws Error for a secret too short to be found without error */
  add(what: string, secret: string): void {
    if (secret.length < lengthMin)
      throw new Error(`The secret ${what} is too short to be found without error`);
    for (const [form, bytes] of formsOf(secret)) {
      const pattern = { secret, what, form, bytes };
      for (let beforeEnd = wordLength; beforeEnd < 2 * wordLength; beforeEnd += 1) {
        const word = bytes.readInt32LE(bytes.length - beforeEnd);
        this.#isTaken[slotOf(word)] = 1;
        const others = this.#byWord.get(word);
        if (others) others.push({ pattern, beforeEnd });
        else this.#byWord.set(word, [{ pattern, beforeEnd }]);
      }
    }
  }

  /** Each secret found, as `<secret> (<form>) in <place>: <text before>[…]<text after>`; each once. */
  in({ name, bytes, mayHold }: Place): string[] {
    const found = new Map<Pattern, string>();
    const isTaken = this.#isTaken;
    const words = wordsOf(bytes);
    for (let index = 0; index < words.length; index += 1) {
      const word = words[index] as number;
      if (isTaken[slotOf(word)] === 0) continue;
      for (const { pattern, beforeEnd } of this.#byWord.get(word) ?? []) {
        const end = index * wordLength + beforeEnd;
        const start = end - pattern.bytes.length;
        if (start < 0 || end > bytes.length || found.has(pattern) || pattern.secret === mayHold) continue;
        if (pattern.bytes.compare(bytes, start, end) !== 0) continue;
        found.set(pattern, `${pattern.what} (${pattern.form}) in ${name}: ${excerpt(bytes, start, end)}`);
      }
    }
    return [...found.values()];
  }
}

/** The same for these secrets, named by their purpose. */
export function findSecrets(secrets: ReadonlyMap<string, string>, places: readonly Place[]): string[] {
  const search = new SecretSearch();
  for (const [what, secret] of secrets) search.add(what, secret);
  return places.flatMap((place) => search.in(place));
}

/** Every file below a folder. */
export function filesIn(folder: string): Place[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ name: file, bytes: readFileSync(file) }));
}
