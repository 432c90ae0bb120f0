import { allRoutes } from '@mooring/contract/all-routes';
import type { Route } from '@mooring/contract/route';
import type { Answer } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertErrorShape } from './error-shape.js';
import {
  type Belongings,
  inventory,
  type PopulatedMooring,
  startPopulatedMooring,
} from './populated-mooring.js';
import { exampleFor, type RouteExample } from './route-examples.js';

// X05: what belongs to other users, of this tenant and of another one, answers exactly as what does not exist.

let populated: PopulatedMooring;
let before: unknown[];

const everything = async () => [await inventory(populated.alice), await inventory(populated.mallory)];

beforeAll(async () => {
  populated = await startPopulatedMooring();
  before = await everything();
});
afterAll(async () => {
  expect(await everything()).toEqual(before);
  expect(populated.source.connections()).toBe(0);
  await populated.close();
});

const randomUuid = 'd8a3f6c1-2b4e-4f7a-9c0d-5e6f7a8b9c0d';
const randomObjectId = 'd8a3f6c12b4e4f7a9c0d5e6f';
const randomLike = (id: string) => (id.includes('-') ? randomUuid : randomObjectId);

/** Ids of things that bob may not know of. Who is in his own tenant he may know. */
function foreignIds(): string[] {
  const ids = ({ spaceId, assignmentId, connectionId, credentialId, apiKeyId, signInId }: Belongings) => [
    spaceId,
    assignmentId,
    connectionId,
    credentialId,
    apiKeyId,
    signInId,
  ];
  const { alice, mallory } = populated;
  return [...ids(alice.has), ...ids(mallory.has), mallory.has.userId, mallory.has.memberId];
}

async function send(route: Route, example: RouteExample): Promise<Answer> {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => example.params?.[name] ?? name);
  const query = new URLSearchParams(example.query).toString();
  const { api } = populated.bob;
  const target = query === '' ? path : `${path}?${query}`;
  if (route.method === 'GET') return api.get(target);
  if (route.method === 'DELETE') return api.delete(target);
  if (route.method === 'PATCH') return api.patch(target, example.body);
  return api[route.method === 'PUT' ? 'put' : 'post'](target, example.body);
}

/** Status and body without the trace id, and with the id that was asked for taken out. */
function comparable({ status, text }: Answer, id: string): unknown {
  const body = text.replaceAll(id, 'ID').replace(/"traceId":"[^"]*"/, '');
  return { status, body };
}

async function expectLikeRandom(route: Route, exampleWith: (id: string) => RouteExample): Promise<void> {
  for (const id of foreignIds()) {
    const foreign = await send(route, exampleWith(id));
    const random = await send(route, exampleWith(randomLike(id)));
    const what = `${route.id} with ${id}`;
    expect(comparable(foreign, id), what).toEqual(comparable(random, randomLike(id)));
    if (foreign.status >= 400) assertErrorShape(foreign);
    expect(foreign.status, what).toBeLessThan(500);
  }
}

const own = (route: Route): RouteExample => exampleFor(route, populated.bob.has) ?? {};
const byId = (id: string): Route => {
  const route = allRoutes.find((one) => one.id === id);
  if (!route) throw new Error(`No route ${id}`);
  return route;
};

const ofUsers = allRoutes.filter((route) => !route.public);
const inPath = ofUsers.flatMap((route) =>
  [...route.path.matchAll(/\{(\w+)\}/g)].map(
    ([, name = '']) => [`${route.method} ${route.path}`, name, route] as const,
  ),
);

const inQuery = [
  ['listDataConnections', 'spaceId'],
  ['listDataConnections', 'userId'],
  ['getDataConnection', 'spaceId'],
  ['listDataCredentials', 'userId'],
  ['listSpaces', 'ownerId'],
  ['listApiKeys', 'sub'],
  ['listAssignments', 'assigneeId'],
] as const;

const inBody = [
  ['createDataConnection', 'space'],
  ['createDcaasDataConnection', 'space'],
  ['putConnectionCredential', 'credentialId'],
  ['createAssignment', 'assigneeId'],
  ['createApiKey', 'sub'],
  ['resolveConnection', 'as'],
  ['updateDataCredential', 'connectionId'],
  ['updateDataConnection', 'qCredentialsID'],
  ['updateDataConnection', 'space'],
  ['duplicateDataConnection', 'id'],
  ['duplicateDataConnection', 'spaceId'],
] as const;

describe("X05: other users' ids", () => {
  it.each(inPath)('%s: {%s} answers as for a random id', async (_name, parameter, route) => {
    const example = own(route);
    await expectLikeRandom(route, (id) => ({ ...example, params: { ...example.params, [parameter]: id } }));
  });

  it('the same paths with own ids are answered, so that the comparison above means something', async () => {
    // The id of an audit event or of a credential change is not known beforehand, so they have no examples.
    const read = ofUsers.filter((one) => one.method === 'GET' && one.path.includes('{'));
    for (const route of read.filter((one) => !['getAudit', 'getDataCredentialChange'].includes(one.id))) {
      const { status } = await send(route, own(route));
      // 403 where it takes an administrator, which bob is not.
      expect([200, 403], `${route.path} answered ${status}`).toContain(status);
    }
  });

  it('every part of a path foreign at once', async () => {
    for (const { has } of [populated.alice, populated.mallory]) {
      for (const name of ['putAssignment', 'deleteAssignment']) {
        const { spaceId, assignmentId } = has;
        const answer = await send(byId(name), { ...own(byId(name)), params: { spaceId, assignmentId } });
        expect([answer.status, answer.body.errors[0].code]).toEqual([404, 'NOT-FOUND']);
      }
    }
  });

  it.each(inQuery)('%s: ?%s answers as for a random id', async (name, parameter) => {
    const route = byId(name);
    const example = own(route);
    await expectLikeRandom(route, (id) => ({ ...example, query: { ...example.query, [parameter]: id } }));
  });

  it.each(inBody)('%s: %s in the body answers as for a random id', async (name, member) => {
    const route = byId(name);
    const example = own(route);
    await expectLikeRandom(route, (id) => ({ ...example, body: { ...example.body, [member]: id } }));
  });

  it.each(['createDataConnection', 'createDcaasDataConnection'])(
    '%s: selectedCredentials answers as for a random id',
    async (name) => {
      await expectLikeRandom(byId(name), (id) => ({
        body: {
          datasourceID: 'postgres',
          qName: 'never made',
          connectionProperties: {
            ...populated.bob.has.sourceProperties,
            separateCredentials: true,
            selectedCredentials: id,
          },
        },
      }));
    },
  );

  it('names are looked up among what the caller may see', async () => {
    const { api } = populated.bob;
    for (const { has } of [populated.alice, populated.mallory]) {
      const paths = [
        [
          `data-connections/${has.connectionName}?type=connectionname`,
          'data-connections/no?type=connectionname',
        ],
        [
          `data-connections/${has.connectionName}?type=connectionname&spaceId=${has.spaceId}`,
          `data-connections/no?type=connectionname&spaceId=${randomObjectId}`,
        ],
        [
          `data-credentials/${has.credentialsName}?byCredentialName=true`,
          'data-credentials/no?byCredentialName=true',
        ],
      ] as const;
      for (const [foreign, random] of paths) {
        const answers = [await api.get(`/api/v1/${foreign}`), await api.get(`/api/v1/${random}`)];
        const [first, second] = answers.map((answer) => comparable(answer, '-'));
        expect(first).toEqual(second);
        expect(answers[0]?.status).toBe(404);
      }
    }
  });

  it('lists have nothing of other users', async () => {
    const { api, has } = populated.bob;
    const lists = [
      'data-connections',
      'data-credentials',
      'spaces',
      'api-keys',
      `spaces/${has.spaceId}/assignments`,
    ];
    for (const list of lists) {
      const { text, status } = await api.get(`/api/v1/${list}`);
      expect(status).toBe(200);
      for (const id of foreignIds()) expect(text).not.toContain(id);
    }
    const users = await api.get('/api/v1/users');
    expect(users.text).not.toContain(populated.mallory.has.userId);
  });
});
