// The behaviour required of every data source. Its harness is enough to prove a new one, and what it claims is proven both
// ways: nothing is skipped.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnySource } from '../interface/source.js';
import { abilityChecks } from './abilities/all.js';
import { closeOwn, ownSession } from './abilities/stand.js';
import { Bench } from './bench.js';
import { type Blank, blanksIn } from './blanks.js';
import { inputOf } from './connection-input.js';
import { describeSession, type Readable } from './describe-session.js';
import type { SourceHarness, StartedSource } from './harness.js';

/** What the suite opens, of what the harness has started. */
interface Opened extends Readable {
  started: StartedSource;
}

type StartedBench = Bench<Opened>;

function openedOf(source: AnySource, started: StartedSource): Opened {
  const { good, wrong, unreachable, readable, settings, types } = started;
  return {
    started,
    good: inputOf(source, good[0]),
    wrong: wrong && inputOf(source, wrong),
    unreachable: inputOf(source, unreachable),
    ...(settings ? { settings } : {}),
    ...{ readablePath: readable.path, readableRows: readable.rows, types },
  };
}

/** Abilities, both ways. */
function describeAbilities(source: AnySource, bench: () => StartedBench): void {
  const own = ownSession();
  it.each(Object.entries(abilityChecks))('%s: claims what it can, and can what it claims', (_name, check) =>
    check({ source, started: bench().source.started, bench: bench(), own }),
  );
  it('leaves nothing open of a session in which much was done and refused', () => closeOwn({ own }));
}

/** A test for each place that a new source has not filled in yet. */
function describeBlanks(id: string, blanks: readonly Blank[]): void {
  for (const { file, line, what } of blanks)
    it(`${file}:${line}: ${what}`, () => expect.fail(`Fill in sources/${id}/${file}, line ${line}: ${what}`));
}

/**
 * Registers the contract suite of a source. A new one fails for each place that it has to fill in, and is tested once its
 * harness has been filled in.
 * @param harness starts the server; what the source claims, it must be able to prove
 */
export function describeSource(source: AnySource, harness: Pick<SourceHarness, 'start'>): void {
  const blanks = blanksIn(new URL(`../sources/${source.id}/`, import.meta.url));
  describe.runIf(blanks.length > 0)(`to fill in: ${source.id}`, () => describeBlanks(source.id, blanks));
  if (blanks.some(({ file }) => file === 'harness.ts')) return;

  describe(`contract: ${source.id}`, () => {
    let current: StartedBench | undefined;
    const bench = (): StartedBench => {
      if (!current) throw new Error('the source was not started');
      return current;
    };

    beforeAll(async () => {
      current = new Bench(source, openedOf(source, await harness.start()));
    });
    afterAll(async () => {
      current?.network.close();
      await current?.source.started.close();
    });

    describeSession(source, bench);
    describeAbilities(source, bench);
  });
}
