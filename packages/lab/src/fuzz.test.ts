import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import typescript from 'typescript';
import { describe, expect, it } from 'vitest';
import { type Fuzzing, fuzz } from './fuzz.js';

const fuzzing: Fuzzing = {
  name: 'example',
  corpus: [Buffer.from('{"a": [1, 2]}')],
  tokens: ['[', ']'],
  runs: 300,
  read: (input) => JSON.parse(input.toString()),
  isRefusal: (error) => error instanceof SyntaxError,
};

describe('the fuzzing harness', () => {
  it('runs the corpus and changed inputs, of which some are good and some are not', async () => {
    const { accepted, refused } = await fuzz(fuzzing);
    expect(accepted + refused).toBe(301);
    expect(accepted).toBeGreaterThan(1);
    expect(refused).toBeGreaterThan(100);
  });

  it('makes the same inputs of the same seed', async () => {
    const inputsOf = async () => {
      const inputs: string[] = [];
      await fuzz({ ...fuzzing, read: (input) => inputs.push(input.toString('base64')) });
      return inputs;
    };
    expect(await inputsOf()).toEqual(await inputsOf());
  });

  it('finds an unexpected error, and reports its input and seed', async () => {
    const read = (input: Buffer) => {
      if (input.includes('[[')) throw new TypeError('found');
    };
    await expect(fuzz({ ...fuzzing, read })).rejects.toThrow(
      /run \d+ ends with TypeError: found.*TEST_SEED=\d+/s,
    );
  });

  it('finds an input that takes too long, or too much memory', async () => {
    const busy = () => {
      const begun = process.cpuUsage();
      for (let spent = 0; spent < 60_000; ) {
        const { user, system } = process.cpuUsage(begun);
        spent = user + system;
      }
    };
    await expect(fuzz({ ...fuzzing, runs: 1, millisecondsMax: 20, read: busy })).rejects.toThrow(/takes \d+/);
    // Kept, and again for each input: what others give back at the same time hides one of them, and not all.
    const kept: Buffer[] = [];
    const hungry = () => kept.push(Buffer.alloc(64 * 1024 * 1024, 1));
    await expect(fuzz({ ...fuzzing, runs: 8, mebibytesMax: 32, read: hungry })).rejects.toThrow(
      /takes \d+ MiB/,
    );
  });

  it('ends a process whose reader never ends, after it said which input it was', () => {
    const source = readFileSync(new URL('./fuzz/hang-watch.ts', import.meta.url), 'utf8');
    const module = typescript.transpileModule(source, { compilerOptions: { module: 99, target: 99 } });
    const hanging = `
      const watch = await watchForHangs({ name: 'x', again: 'TEST_SEED=7 repeats it.', hangMs: 50 });
      watch.begin(5);
      for (;;);`;
    const program = ['--input-type=module', '-e', module.outputText + hanging];
    const { signal, stderr } = spawnSync(process.execPath, program, { encoding: 'utf8', timeout: 10_000 });
    expect(signal).toBe('SIGKILL');
    expect(stderr).toBe('\nfuzz x: run 5 does not end. TEST_SEED=7 repeats it.\n');
  });
});
