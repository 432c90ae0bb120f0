import { setTimeout as delay } from 'node:timers/promises';
import { getConnectionCredential } from '@mooring/contract/routes/connection-credential';
import { patchConnection } from '@mooring/contract/routes/data-connection-changes';
import { createConnection, deleteConnection, getConnection } from '@mooring/contract/routes/data-connections';
import { deleteCredential, patchCredential } from '@mooring/contract/routes/data-credentials';
import { listConnections } from '@mooring/contract/routes/list-data-connections';
import { browseConnection, previewConnection, testConnection } from '@mooring/contract/routes/use';
import { listCredentialUses } from '@mooring/contract/routes/uses';
import type { LabPostgres } from '@mooring/lab/postgres';
import type { LabRestApi } from '@mooring/lab/rest-api';
import { postgresConnection, restConnection } from '../connections.js';
import type { MooringProcess } from '../mooring-process.js';
import { readRows } from '../read-rows.js';

/** Source of a connection of the soak, and what is read from it. */
export interface Place {
  password: string;
  /** The connection with this password. */
  body(name: string, password: string): ReturnType<typeof postgresConnection>;
  previewed: string[];
  read: string[];
}

export function placesOf(postgres: LabPostgres, rest: LabRestApi): Place[] {
  const { user, password } = postgres.roles.reader;
  return [
    {
      password,
      body: (name, given) => postgresConnection(name, { user, password: given }, postgres),
      previewed: ['sales', 'orders'],
      read: ['sales', 'big'],
    },
    {
      password: rest.basic.password,
      body: (name, given) =>
        restConnection(name, { ...rest.basic, password: given }, `${rest.url}/basic/items`),
      previewed: [],
      read: [],
    },
  ];
}

export interface Tally {
  requests: number;
  /** Deviations from what was expected. */
  failures: string[];
}

/** With the cause, where `fetch` reports the reason. */
export function inWords(error: unknown): string {
  const cause = error instanceof Error && error.cause ? ` (${error.cause})` : '';
  return `${new Date().toISOString()} ${error}${cause}`;
}

type Step = <Result>(request: () => Promise<Result>) => Promise<Result>;

/**
 * One life of a connection: created with a wrong password, used in every way, and deleted together with its
 * credential. Afterwards the store is as full as before, except for audit events and the use record.
 */
async function live(mooring: MooringProcess, { body, password, ...place }: Place, step: Step, name: string) {
  const { api } = mooring;
  const made = await step(() => api.call(createConnection, { body: body(name, 'not the password') }));
  if (!('qID' in made)) throw new Error('a sign-in was begun instead of a connection');
  const params = { qID: made.qID };
  const credential = { qID: made.qCredentialsID ?? '' };
  const test = async (isToPass: boolean) => {
    const { ok, stages } = await step(() => api.call(testConnection, { params }));
    const failed = stages.find((stage) => !stage.ok);
    if (ok !== isToPass)
      throw new Error(`a test ${ok ? 'passed' : `failed: ${failed?.name} ${failed?.code}`}`);
  };
  const change = (path: string, value: string) => [{ op: 'replace' as const, path, value }];
  await test(false);
  await step(() => api.call(patchCredential, { params: credential, body: change('/qPassword', password) }));
  await test(true);
  await step(() => api.call(patchConnection, { params, body: change('/qName', `${name}, renamed`) }));
  await step(() => api.call(getConnection, { params }));
  await step(() => api.call(getConnectionCredential, { params }));
  await step(() => api.call(browseConnection, { params, body: { path: [] } }));
  await step(() => api.call(previewConnection, { params, body: { path: place.previewed, limit: 100 } }));
  const accept = 'application/x-ndjson';
  await step(() => readRows(mooring, made.qID, { accept, path: place.read, limit: 5000 }));
  await step(() => api.call(listConnections, { query: { limit: 20 } }));
  await step(() => api.call(listCredentialUses, { params: credential }));
  await step(() => api.call(deleteConnection, { params }));
  await step(() => api.call(deleteCredential, { params: credential }));
}

export interface LivesOptions {
  places: readonly Place[];
  /** Interval between lives, whether or not the previous one has ended. */
  everyMs: number;
  /** Until it is 0. */
  secondsLeft(): number;
}

/** Starts lives at a fixed rate, alternating between the places. Resolves when the last one has ended. */
export async function runLives(
  mooring: MooringProcess,
  { places, everyMs, secondsLeft }: LivesOptions,
  tally: Tally,
) {
  const step: Step = (request) => {
    tally.requests += 1;
    return request();
  };
  const running = new Set<Promise<void>>();
  for (let number = 0; secondsLeft() > 0; number += 1) {
    const place = places[number % places.length];
    if (!place) throw new Error('nowhere to live');
    const name = `life ${number}`;
    const life = live(mooring, place, step, name)
      .catch((error: unknown) => void tally.failures.push(`${name}: ${inWords(error)}`))
      .finally(() => running.delete(life));
    running.add(life);
    await delay(everyMs);
  }
  await Promise.all(running);
}
