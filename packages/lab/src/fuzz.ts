// Fuzzing for parsers of untrusted bytes: bounded and seeded, in every test run.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { watchForHangs } from './fuzz/hang-watch.js';
import { mutate } from './fuzz/mutations.js';
import { seededInt, testSeed } from './seeded.js';

const mebibyte = 1024 * 1024;

export interface Fuzzing {
  /** Names the format in failures. */
  name: string;
  /** Whole inputs, good and bad ones: each is run as it is, then changed. See {@link readCorpus}. */
  corpus: readonly Uint8Array[];
  /** Tokens of the format, such as `[` or a field's tag: inserted once or many times. */
  tokens?: readonly (string | Uint8Array)[];
  /** Changed inputs to run; `full(long, quick)` of the lab, about 200 in the quick tier. */
  runs: number;
  /** Largest changed input, in bytes. Default 256 KiB. */
  bytesMax?: number;
  /** Longest time for one input, in milliseconds. Default 2,000. */
  millisecondsMax?: number;
  /** Most memory that the process may grow by for one input, in MiB. Default 256. */
  mebibytesMax?: number;
  /** Reads an input to its end. What it returns is taken as a success, what it throws is judged by `isRefusal`. */
  read: (input: Buffer) => Promise<unknown> | unknown;
  /** Whether an error is one that the reader may end with; every other one is a failure. */
  isRefusal: (error: unknown) => boolean;
}

/** Tokens of JSON; a format within it adds its own. */
export const jsonTokens = ['{', '}', '[', ']', ',', ':', '"', '\\', 'null'] as const;

export interface FuzzReport {
  /** Inputs that were read to their end. */
  accepted: number;
  /** Inputs that were rejected with an error message. */
  refused: number;
}

/**
 * Runs every input of the corpus and `runs` changed ones through a reader. What is found belongs into the corpus, so
 * that it stays found.
 * @throws Error that names run, seed and input, for an unexpected error, and for an input that takes too long or
 * too much memory. A reader that never ends ends the process, after a line on stderr that says the same.
 */
export async function fuzz(fuzzing: Fuzzing): Promise<FuzzReport> {
  const { name, runs, read, isRefusal, bytesMax = 256 * 1024 } = fuzzing;
  const { millisecondsMax = 2_000, mebibytesMax = 256 } = fuzzing;
  const corpus = fuzzing.corpus.map((bytes) => Buffer.from(bytes));
  const tokens = (fuzzing.tokens ?? []).map((token) =>
    typeof token === 'string' ? Buffer.from(token) : Buffer.from(token),
  );
  const again = `TEST_SEED=${testSeed()} repeats it.`;
  // Many times what is allowed: a machine under load must not look like a reader that never ends.
  const watch = await watchForHangs({ name, again, hangMs: Math.max(60_000, millisecondsMax * 10) });
  const report: FuzzReport = { accepted: 0, refused: 0 };

  const outcomeOf = async (input: Buffer): Promise<string | undefined> => {
    try {
      await read(Buffer.from(input));
      report.accepted += 1;
    } catch (error) {
      if (!isRefusal(error)) return `ends with ${inspect(error).slice(0, 1_000)}`;
      report.refused += 1;
    }
    return undefined;
  };
  const runOne = async (run: number, input: Buffer) => {
    const begun = process.cpuUsage();
    watch.begin(run);
    let problem = await outcomeOf(input);
    const grown = watch.end() / mebibyte;
    const { user, system } = process.cpuUsage(begun);
    // Processor time, so that others on this machine do not count.
    const milliseconds = (user + system) / 1000;
    if (milliseconds > millisecondsMax) problem ??= `takes ${Math.round(milliseconds)} ms`;
    if (grown > mebibytesMax) problem ??= `takes ${Math.round(grown)} MiB`;
    if (problem === undefined) return;
    throw new Error(`fuzz ${name}: run ${run} ${problem}. ${again}\n${asBase64(input)}`);
  };
  try {
    for (const [index, input] of corpus.entries()) await runOne(index - corpus.length, input);
    for (let run = 0; run < runs; run += 1) {
      // Each run by itself, so that its input does not depend on how many came before.
      const random = seededInt(testSeed() + run);
      await runOne(run, mutate({ random, corpus, tokens, bytesMax }));
    }
  } finally {
    await watch.close();
  }
  return report;
}

function asBase64(input: Buffer): string {
  const shown = input.toString('base64', 0, 3_000);
  return `${input.length} bytes, base64: ${shown}${input.length > 3_000 ? '…' : ''}`;
}

/**
 * All files of a folder beside a test, by name.
 * @param folder such as `new URL('./corpus/', import.meta.url)`
 */
export function readCorpus(folder: URL): Buffer[] {
  const place = fileURLToPath(folder);
  return readdirSync(place)
    .toSorted()
    .map((file) => readFileSync(path.join(place, file)));
}
