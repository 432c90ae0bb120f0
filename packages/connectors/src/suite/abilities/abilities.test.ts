// The checks of abilities are tried on the toy: the honest one passes, and every false claim and every ability that is
// not claimed fails the check of its name.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnySource } from '../../interface/source.js';
import type { StartedSource } from '../harness.js';
import { toyHarness } from '../toy-harness.js';
import { type AbilityName, abilityChecks } from './all.js';
import { disconnecting, honest, wrong } from './planted.js';
import { closeOwn, standOf } from './stand.js';

describe('the checks of abilities', () => {
  let started: StartedSource;
  beforeAll(async () => {
    started = await toyHarness.start();
  });
  afterAll(() => started.close());

  const run = async (name: AbilityName, source: AnySource, proofs: Partial<StartedSource> = {}) => {
    const stand = { ...standOf(source, { ...started, ...proofs }), stopMsMax: 200 };
    try {
      await abilityChecks[name](stand);
    } finally {
      await closeOwn(stand);
      stand.bench.network.close();
    }
  };

  it.each(Object.keys(abilityChecks) as AbilityName[])('%s: passes an honest source', (name) =>
    run(name, honest),
  );

  it.each(wrong)('%s, %s: fails', (name, _what, source) => expect(run(name, source)).rejects.toThrow());

  it('has a case for each', () => {
    expect([...new Set(wrong.map(([name]) => name))].toSorted()).toEqual(
      Object.keys(abilityChecks).toSorted(),
    );
  });

  it('passes a source that notices the end of its connection', () => run('cancel', disconnecting));

  const working = { read: { query: 'sleep' }, isRunning: async () => true };
  const proofless: readonly (readonly [AbilityName, string, AnySource, Partial<StartedSource>])[] = [
    ['query', 'in another language', honest, { query: 'items | where id == 1' }],
    ['files', 'with options that change nothing', honest, { file: { format: 'ndjson' } }],
    ['cancel', 'while it works on', honest, { slow: working }],
    ['cancel', 'while it works on after its connection has ended', disconnecting, { slow: working }],
    [
      'readOnly',
      'but it has written',
      honest,
      { write: { query: 'delete items', isWritten: async () => true } },
    ],
    [
      'reset',
      'while the server keeps a session for statements',
      honest,
      { residue: { keepsSessions: async () => true } },
    ],
    ...(['query', 'parameterised', 'write', 'residue', 'grow', 'slow', 'file'] as const).map(
      (proof) =>
        [neededFor[proof], `without "${proof}" in its harness`, honest, { [proof]: undefined }] as const,
    ),
  ];
  it.each(proofless)('%s, claimed %s: fails', (name, _what, source, proofs) =>
    expect(run(name, source, proofs)).rejects.toThrow(),
  );

  it('tells what is missing in a harness', () =>
    expect(run('readOnly', honest, { write: undefined } as never)).rejects.toThrow(
      'The source claims what needs "write" in its harness.',
    ));
});

const neededFor = {
  query: 'query',
  parameterised: 'query.parameters',
  write: 'readOnly',
  residue: 'reset',
  grow: 'incremental',
  slow: 'cancel',
  file: 'files',
} as const;
