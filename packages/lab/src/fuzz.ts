// Fuzzing of parsers for untrusted bytes: bounded and seeded, in every test run.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { watchForHangs } from './fuzz/hang-watch.js';
import { mutate } from './fuzz/mutations.js';
import { seededInt, testSeed } from './seeded.js';

const mebibyte = 1024 * 1024;

export interface Fuzzing {
  /** Name of the format, for failures. */
  name: string;
  /** Complete inputs, valid and invalid: each runs as it is, then mutated. See {@link readCorpus}. */
  corpus: readonly Uint8Array[];
  /** Tokens of the format, such as `[` or a field's tag, to insert, also many times. */
  tokens?: readonly (string | Uint8Array)[];
  /** Mutated inputs to run; `full(long, quick)` of the lab, about 200 in the quick tier. */
  runs: number;
  /** Maximum size of a mutated input, in bytes. Default 256 KiB. */
  bytesMax?: number;
  /** Maximum time per input, in milliseconds. Default 2,000. */
  millisecondsMax?: number;
  /** Maximum memory growth of the process per input, in MiB. Default 256. */
  mebibytesMax?: number;
  /** Reads an input completely. Returning is success; `isRefusal` classifies what it throws. */
  read: (input: Buffer) => Promise<unknown> | unknown;
  /** Whether the reader may throw this error; any other error is a failure. */
  isRefusal: (error: unknown) => boolean;
}

/** Tokens of JSON; formats based on it add their own. */
export const jsonTokens = ['{', '}', '[', ']', ',', ':', '"', '\\', 'null'] as const;

export interface FuzzReport {
  /** Inputs that were read completely. */
  accepted: number;
  /** Inputs that were refused with an expected error. */
  refused: number;
}

/**
 * Runs every input of the corpus and `runs` mutated ones through a reader. Add inputs that fail to the corpus, so that they
 * are tested from then on.
 * @throws Error with run, seed and input, for an unexpected error and for an input that takes too much time or memory. A reader
 * that hangs ends the process, after a line on stderr with the same facts.
 */
export async function fuzz(fuzzing: Fuzzing): Promise<FuzzReport> {
  const { name, runs, read, isRefusal, bytesMax = 256 * 1024 } = fuzzing;
  const { millisecondsMax = 2_000, mebibytesMax = 256 } = fuzzing;
  const corpus = fuzzing.corpus.map((bytes) => Buffer.from(bytes));
  const tokens = (fuzzing.tokens ?? []).map((token) =>
    typeof token === 'string' ? Buffer.from(token) : Buffer.from(token),
  );
  const again = `TEST_SEED=${testSeed()} repeats it.`;
  // Many times the limit: load on the machine must not look like a hanging reader.
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
    // CPU time, so that other load on this machine does not count.
    const milliseconds = (user + system) / 1000;
    if (milliseconds > millisecondsMax) problem ??= `takes ${Math.round(milliseconds)} ms`;
    if (grown > mebibytesMax) problem ??= `takes ${Math.round(grown)} MiB`;
    if (problem === undefined) return;
    throw new Error(`fuzz ${name}: run ${run} ${problem}. ${again}\n${asBase64(input)}`);
  };
  try {
    for (const [index, input] of corpus.entries()) await runOne(index - corpus.length, input);
    for (let run = 0; run < runs; run += 1) {
      // A seed per run, so that its input does not depend on earlier runs.
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
 * All files of a folder next to a test, by name.
 * @param folder such as `new URL('./corpus/', import.meta.url)`
 */
export function readCorpus(folder: URL): Buffer[] {
  const place = fileURLToPath(folder);
  return readdirSync(place)
    .toSorted()
    .map((file) => readFileSync(path.join(place, file)));
}
