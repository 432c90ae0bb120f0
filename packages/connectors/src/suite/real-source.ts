import { afterAll, beforeAll } from 'vitest';
import type { AnySource } from '../interface/source.js';
import { allBatches, Bench, failureOf, type TestInput, type TestRead } from './bench.js';

/** One server for all tests of a file, and reads from it. Call it once per file. */
export function realSource<Lab extends { close(): Promise<void> }, Change>(
  source: AnySource,
  start: () => Promise<Lab>,
  inputFor: (lab: Lab, change?: Change) => TestInput,
) {
  let lab: Lab;
  let bench: Bench;
  beforeAll(async () => {
    lab = await start();
    bench = new Bench(source, { good: inputFor(lab) });
  });
  afterAll(async () => {
    bench.network.close();
    await lab.close();
  });
  const read = (request: Omit<TestRead, 'batchRows'>, input = inputFor(lab)) =>
    bench.within(
      async (session) => (await allBatches(await session.read({ ...request, batchRows: 1_000 }))).flat(),
      { input },
    );
  return {
    get lab() {
      return lab;
    },
    get bench() {
      return bench;
    },
    rowsOf: read,
    failsWith: (query: string, input = inputFor(lab)) => failureOf(read({ query }, input)),
    openFails: (change: Change) => failureOf(bench.open(inputFor(lab, change))),
  };
}
