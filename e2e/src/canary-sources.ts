import { metaOf } from '@mooring/connectors/kit/properties';
import { sourceOf } from '@mooring/connectors/registry';
import type { Connection } from '@mooring/connectors/suite/harness';
import { full } from '@mooring/lab/test-tier';
import type { Answer, TestUser } from '@mooring/server/testing/api-client';
import { type CanaryLab, fresh } from './canary-lab.js';
import { inParallel } from './in-parallel.js';
import { manifestFor, type RunningSource, targetOf } from './running-sources.js';

// Every source with valid secrets, and with rejected ones, some of which the source echoes.

/** Properties of one source, and what is read from it. */
export interface SourceUse {
  name: string;
  datasourceID: string;
  properties: Record<string, unknown>;
  /** Of describe, preview and read. */
  target: { path: readonly string[] } | { query: string };
  /** The target is a file that can be read as its source stores it. */
  hasBytes: boolean;
  /** Doors that are answered without asking the source. */
  unasked: readonly string[];
}

/** Names of the properties that the manifest marks secret. */
export function secretProperties(id: string): string[] {
  const manifest = manifestFor(id);
  return Object.keys(manifest.properties.shape).filter((property) => metaOf(manifest, property).secret);
}

/** As the source arranges them: some secrets may be given in the midst of other properties. */
export function arranged({ datasourceID, properties }: Pick<SourceUse, 'datasourceID' | 'properties'>) {
  return manifestFor(datasourceID).arrange?.(properties) ?? properties;
}

const useOf = (source: RunningSource, connection: Connection): SourceUse => ({
  name: `${source.id} ${connection.name}`,
  datasourceID: source.id,
  properties: { ...connection.properties },
  target: targetOf(source, connection),
  hasBytes: sourceOf(source.id).abilities.bytes,
  unasked: source.unasked,
});

/** What a read answers with. */
const forms = ['application/x-ndjson', 'text/csv', 'application/vnd.apache.arrow.stream'];
let turns = 0;
/** In the quick tier one of them, in turns: each source is gone through at least twice. */
function inTurn<Door>(doors: readonly Door[], turn: number): readonly Door[] {
  return full(1, 0) === 1 ? doors : doors.filter((_, index) => index === turn % doors.length);
}

const asStored = { accept: 'application/octet-stream' };

/**
 * Goes through every door that leads to the source, and beside them those that explain it.
 * @param options.atOnce how many of them at once
 * @param options.isPatient asks again where a user who may not edit learns no more than that it does not work: a sign-in
 *   that takes seconds is one, on a busy machine
 * @returns the doors that had an answer of the source, and those that had not, with what they told
 */
export async function useAll(
  { api }: Pick<TestUser, 'api'>,
  id: string,
  { target, hasBytes }: SourceUse,
  { atOnce = 1, isPatient = false } = {},
): Promise<{ passed: string[]; failed: string[] }> {
  const at = (action: string) => `/api/v1/data-connections/${id}/actions/${action}`;
  const read = (more: object, headers: Record<string, string>) =>
    api.post(at('read'), { ...target, ...more }, headers);
  turns += 1;
  const turn = turns;
  const known: readonly (readonly [door: string, ask: () => Promise<Answer>])[] = [
    ['describe', () => api.post(at('describe'), target)],
    ['preview', () => api.post(at('preview'), { ...target, limit: 5 })],
  ];
  const stored: typeof known = [
    ['bytes', () => read({}, asStored)],
    ['range', () => read({ range: [0, 9] }, asStored)],
  ];
  const doors: typeof known = [
    ['test', () => api.post(at('test'))],
    ['browse', () => api.post(at('browse'))],
    ...inTurn(known, turn),
    ...inTurn(forms, turn).map((accept) => [accept, () => read({}, { accept })] as const),
    ...(hasBytes ? inTurn(stored, turn) : []),
  ];
  const told = { passed: [] as string[], failed: [] as string[] };
  const entries = doors.map(([door, ask]) => async () => {
    let answer = await ask();
    for (let again = 0; isPatient && again < 9 && answer.text.includes('SOURCE-UNAVAILABLE'); again += 1)
      answer = await ask();
    const { status, body, text } = answer;
    if (status < 300 && body?.ok !== false) told.passed.push(door);
    else told.failed.push(`${door}: ${text}`);
  });
  await inParallel(atOnce, entries);
  if (told.passed.length > 0) await read({ columns: ['no such column'] }, { accept: 'text/csv' });
  await api.post(at('resolve'), {});
  await api.get(`/api/v1/data-connections/${id}?parseConnection=true&extended=true`);
  return told;
}

/** In the quick tier one of those with the same secrets. */
function distinct(uses: readonly SourceUse[]): SourceUse[] {
  const seen = new Set<string>();
  return uses.filter((use) => {
    const given = Object.keys(arranged(use));
    const key = secretProperties(use.datasourceID)
      .filter((name) => given.includes(name))
      .join();
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew || full(1, 0) === 1;
  });
}

/** Sources that work with the secrets they are given. */
export const workingSources = ({ sources }: CanaryLab): SourceUse[] =>
  sources.all.flatMap((source) => distinct(source.started.good.map((one) => useOf(source, one))));

/** Sources that reject the secrets, some of which echo them. */
export const failingSources = ({ sources }: CanaryLab): SourceUse[] =>
  sources.all.flatMap((source) => source.started.refused(fresh).map((one) => useOf(source, one)));

/** Sources with a sign-in in the browser. */
export const interactiveSources = ({ sources }: CanaryLab): SourceUse[] =>
  sources.all.flatMap((source) => (source.started.bySignIn ?? []).map((one) => useOf(source, one)));
