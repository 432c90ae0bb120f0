import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, ApiClient } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';
import { assertErrorShape } from '../error-shape.js';
import { hostileSources } from '../product.js';
import { objects, pages, readable } from './documents.js';
import type { HostilePorts } from './main.js';

export type Action = 'test' | 'preview' | 'browse' | 'read';

/** One kind of attack through one door. */
export interface Attack {
  name: string;
  action: Action;
  datasourceID: string;
  properties: object;
  body: object;
  /** May succeed with rows, or does not trigger the attack. */
  mayWork: boolean;
}

interface Kind extends Pick<Attack, 'name' | 'datasourceID' | 'properties'> {
  /** Doors that trigger the attack. */
  actions: readonly Action[];
  place: object;
  /** Of what browsing asks for: the table or resource. */
  folder?: readonly string[];
  isReadable?: boolean | undefined;
}

const everyAction = ['test', 'preview', 'browse', 'read'] as const;
const login = { username: 'mallory', password: 'a-password-of-hers' };
const database = { host: '127.0.0.1', sslmode: 'disable', ...login };

/** Attacks in the rows of a result: a connection test and a listing never reach them. */
const isOfReads = (name: string) => name.startsWith('a field');

function databaseKinds(datasourceID: 'postgres' | 'mysql', ports: Readonly<Record<string, number>>): Kind[] {
  return Object.entries(ports).map(([name, port]) => ({
    name: `${datasourceID}: ${name}`,
    datasourceID,
    properties: { ...database, port, ...(datasourceID === 'postgres' ? { db: 'x' } : {}) },
    actions: isOfReads(name) ? ['preview', 'read'] : everyAction,
    place: { query: 'select 1' },
    // An empty result is an answer, whatever comes after it.
    isReadable: name.startsWith('results without end'),
  }));
}

function kindsOf({ postgres, mysql, http }: HostilePorts): Kind[] {
  const origin = `http://127.0.0.1:${http}`;
  const s3 = (bucketName: string) => ({
    datasourceID: 'File_AmazonS3Connector',
    properties: { endpoint: origin, bucketName, accessKey: 'AKIAMALLORY', secretKey: 'a-secret-of-hers' },
  });
  return [
    ...databaseKinds('postgres', postgres),
    ...databaseKinds('mysql', mysql),
    ...Object.keys(pages).map(
      (name): Kind => ({
        name: `rest: ${name}`,
        datasourceID: 'rest',
        properties: { url: `${origin}/page/${encodeURIComponent(name)}` },
        actions: everyAction,
        place: { path: [] },
        folder: [encodeURIComponent(name)],
        isReadable: readable.has(name),
      }),
    ),
    ...Object.keys(objects).map(
      (name): Kind => ({
        name: `s3: ${name}`,
        ...s3('object'),
        actions: ['preview', 'read'],
        place: { path: [name] },
        isReadable: readable.has(name),
      }),
    ),
    ...['nested', 'wide'].map(
      (bucket): Kind => ({
        name: `s3: a ${bucket} list`,
        ...s3(bucket),
        actions: ['test', 'browse'],
        place: {},
        isReadable: bucket === 'wide',
      }),
    ),
  ];
}

/** Starts the hostile sources. They end with this process, or on `close`. */
export async function startHostileSources() {
  const child = fork(hostileSources, { execArgv: [] });
  const [ports] = (await once(child, 'message')) as [HostilePorts];
  const kinds = kindsOf(ports);
  const attacks = kinds.map(({ actions, place, folder = [], isReadable = false, ...kind }) =>
    actions.map(
      (action): Attack => ({
        ...kind,
        action,
        body: action === 'test' ? {} : action === 'browse' ? { path: folder } : place,
        mayWork: isReadable,
      }),
    ),
  );
  return {
    /** Of each kind, its attacks. */
    attacks,
    async close() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** Connections of one attacker, created on first use. */
export function createAttacker(api: ApiClient) {
  const connections = new Map<string, string>();
  const connect = async ({ name, datasourceID, properties }: Attack): Promise<string> => {
    const found = connections.get(name);
    if (found !== undefined) return found;
    const made = await api.post('/api/v1/data-connections', {
      datasourceID,
      qName: name,
      connectionProperties: properties,
    });
    expect(made.status, made.text).toBe(201);
    connections.set(name, made.body.qID);
    return made.body.qID;
  };
  return async (attack: Attack): Promise<void> => {
    const id = await connect(attack);
    const sent = api.post(`/api/v1/data-connections/${id}/actions/${attack.action}`, attack.body);
    // A stream that fails midway breaks off.
    const answer = await (attack.action === 'read' ? sent.catch(() => undefined) : sent);
    expectWords(attack, answer);
  };
}

function expectWords({ name, action, mayWork }: Attack, answer: Answer | undefined): void {
  const what = `${action} of ${name}: ${answer?.status} ${answer?.text.slice(0, 500)}`;
  if (answer === undefined) {
    expect(mayWork, what).toBe(true);
    return;
  }
  if (answer.status === 200 && action === 'test') {
    const failed = answer.body.stages.find(({ ok }: { ok: boolean }) => !ok);
    if (!mayWork || failed) expect(failed?.message, what).toMatch(/[a-z]{4}/);
    return;
  }
  if (answer.status === 200) {
    expect(mayWork, what).toBe(true);
    return;
  }
  expect(answer.status, what).toBeGreaterThanOrEqual(400);
  // The circuit breaker pauses a source after several failures in a row.
  if (answer.body?.errors?.[0]?.code !== 'SOURCE-PAUSED') expect(answer.status, what).toBeLessThan(500);
  assertErrorShape(answer);
}
