import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostConfig } from '@qlik/api/auth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from '../mooring-process.js';
import { compatibilityPage, reasonsOf } from './compatibility-page.js';
import { doorsOf, driveChanges, driveCreation, driveCredentials, driveReading } from './drive-connections.js';
import { driveOAuth, driveTenantAndAudits } from './drive-machines.js';
import { driveDcaas, driveSources } from './drive-sources.js';
import { driveApiKeys, driveSpaces, driveUsers } from './drive-users.js';
import { onePage, typeDifferences } from './known-differences.js';
import { notOffered } from './not-offered.js';
import { moduleNames, type Operation, type Run, startRun } from './run.js';

// Every function of the client's modules against the built product, judged by the client's own type definitions.

const page = fileURLToPath(new URL('../../../docs/reference/qlik-compatibility.md', import.meta.url));
const doors = ['v1', 'connectivity'] as const;

let mooring: MooringProcess;
let run: Run;

beforeAll(async () => {
  mooring = await startMooring();
  const hostConfig: HostConfig = { host: mooring.url, authType: 'apikey', apiKey: mooring.adminKey };
  run = await startRun({ hostConfig, noCache: true });
});
afterAll(() => mooring.stop());

function doorNamed(name: (typeof doors)[number]) {
  const door = doorsOf(run).find((one) => one.door === name);
  if (!door) throw new Error(`No door ${name}`);
  return door;
}

const namesOf = (isWanted: (operation: Operation) => boolean) =>
  [...run.operations.values()].filter(isWanted).map(({ name }) => name);

describe('conformance with the type definitions of @qlik/api', () => {
  it.each(doors)('%s: creates connections by properties, by statement and by sign-in', (door) =>
    driveCreation(doorNamed(door)),
  );
  it.each(doors)('%s: lists, pages and reads connections', (door) => driveReading(doorNamed(door)));
  it.each(doors)('%s: changes, copies and deletes connections', (door) => driveChanges(doorNamed(door)));
  it.each(doors)('%s: reads, changes and deletes credentials', (door) => driveCredentials(doorNamed(door)));
  it('describes sources, their settings, endpoints and QRIs', () => driveSources(run));
  it('creates and reads through dcaas', () => driveDcaas(run));
  it('keeps users', () => driveUsers(run));
  it('keeps API keys', () => driveApiKeys(run));
  it('keeps spaces and their members', () => driveSpaces(run));
  it('keeps OAuth clients and their tokens', () => driveOAuth(run, mooring.url));
  it('knows the tenant, gives a CSRF token, and tells what happened', () => driveTenantAndAudits(run));

  it('drives every function of every module, or says why it is not offered', () => {
    expect(run.operations.size).toBeGreaterThan(moduleNames.length);
    const unaccounted = namesOf((one) => !one.wasDriven && notOffered[one.name] === undefined);
    expect(unaccounted).toEqual([]);
    expect(Object.keys(notOffered).filter((name) => !run.operations.has(name))).toEqual([]);
    expect(namesOf((one) => one.wasDriven && notOffered[one.name] !== undefined)).toEqual([]);
  });

  it('follows next and prev of every list that has them', () => {
    const unfollowed = namesOf(
      (one) => one.pages && one.wasDriven && one.followed.size < 2 && !onePage.includes(one.name),
    );
    expect(unfollowed).toEqual([]);
  });

  it('answers as the types say, except where a reason is written down that still holds', () => {
    const operations = [...run.operations.values()];
    const unexplained = operations.flatMap((one) =>
      [...one.faults].filter((fault) => !reasonsOf(one).has(fault)).map((fault) => `${one.name}: ${fault}`),
    );
    expect(unexplained).toEqual([]);
    const outdated = typeDifferences.flatMap(({ fault, functions }) =>
      functions.filter((name) => run.operations.get(name)?.faults.has(fault) !== true),
    );
    expect(outdated).toEqual([]);
  });

  it('answers a 404 or 405 in the error shape to what is not offered', async () => {
    for (const name of Object.keys(notOffered)) {
      const [method = '', path = ''] = run.operations.get(name)?.request.split(' ') ?? [];
      const response = await fetch(mooring.url + path.replace(/\{\w+\}/g, 'unknown'), {
        method,
        headers: { authorization: `Bearer ${mooring.adminKey}`, 'content-type': 'application/json' },
        ...(method === 'GET' ? {} : { body: '{}' }),
      });
      const body: unknown = await response.json();
      const error = expect.objectContaining({ status: response.status });
      expect([404, 405], name).toContain(response.status);
      expect(body, name).toEqual({ errors: [error], traceId: expect.any(String) });
    }
  });

  it('is what docs/reference/qlik-compatibility.md says; write it with UPDATE=1', () => {
    const found = compatibilityPage(run.operations);
    if (process.env['UPDATE'] === '1') writeFileSync(page, found);
    expect(readFileSync(page, 'utf8')).toBe(found);
  });
});
