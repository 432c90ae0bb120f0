import { allRoutes } from '@mooring/contract/all-routes';
import type { Route } from '@mooring/contract/route';
import type { Answer } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertErrorShape } from './error-shape.js';
import { inventory, type PopulatedMooring, startPopulatedMooring } from './populated-mooring.js';
import { exampleFor, type RouteExample } from './route-examples.js';

// Bad input to every route that takes a body: a 4xx in the contract's shape that names the field, and nothing
// stored. What is wrong is derived from the contract, so a new route or member is covered from its first day.

let populated: PopulatedMooring;
let before: unknown;

beforeAll(async () => {
  populated = await startPopulatedMooring();
  before = await inventory(populated.admin);
});
afterAll(async () => {
  expect(await inventory(populated.admin)).toEqual(before);
  expect(populated.mooring.logText()).not.toMatch(/"level":(50|60)/);
  await populated.close();
});

type Member = { safeParse(value: unknown): { success: boolean } };
type ObjectSchema = { shape: Record<string, Member> };

// The token endpoint, which is public, takes forms too and judges by the grant.
const withBody = allRoutes.filter((route) => route.body !== undefined && !route.public);

/** Members of the body's schema, also behind `optional`; none of a list. */
function membersOf(route: Route): Record<string, Member> {
  if (Array.isArray(exampleOf(route).body)) return {};
  const body = route.body as unknown as ObjectSchema & { unwrap?: () => ObjectSchema };
  return (body.shape ? body : body.unwrap?.())?.shape ?? {};
}

const exampleOf = (route: Route): RouteExample => exampleFor(route, populated.admin.has) ?? {};

const isList = (route: Route) => Array.isArray(exampleOf(route).body);

async function send(
  route: Route,
  body: unknown,
  contentType = 'application/json',
  key = populated.mooring.adminKey,
): Promise<Answer> {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => exampleOf(route).params?.[name] ?? name);
  const response = await fetch(`${populated.mooring.url}${path}`, {
    method: route.method,
    headers: { authorization: `Bearer ${key}`, 'content-type': contentType },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text), headers: response.headers };
}

/** A 400 with one code, whose detail begins with the field. */
function expectRefused(answer: Answer, field: string): void {
  assertErrorShape(answer);
  expect([answer.status, answer.body.errors[0].code]).toEqual([400, 'DCERROR-0010']);
  const details: string[] = answer.body.errors.map((error: { detail: string }) => error.detail);
  const names = (detail: string) => detail.startsWith(`${field}:`) || detail.startsWith(`${field}.`);
  expect(details.some(names), `${field} in ${details.join(' | ')}`).toBe(true);
}

describe('bad input', () => {
  it('has a right example of every route to start from; a new one belongs into route-examples.ts', () => {
    const without = allRoutes.filter((route) => exampleFor(route, populated.admin.has) === undefined);
    expect(without.map((route) => route.id)).toEqual([]);
  });

  describe.each(withBody.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s',
    (_, route) => {
      it('refuses broken JSON, other content types, broken UTF-8 and what is too large', async () => {
        for (const broken of ['{', '{"a":1}}', "{'a':1}", 'undefined', '{"a":1,}', '{"__proto__":{"a":1}}']) {
          const answer = await send(route, broken);
          assertErrorShape(answer);
          expect([broken, answer.status, answer.body.errors[0].code]).toEqual([broken, 400, 'DCERROR-0010']);
        }
        const json = JSON.stringify(exampleOf(route).body);
        for (const type of [
          'text/plain',
          'application/xml',
          'application/x-www-form-urlencoded',
          'nonsense',
        ]) {
          const answer = await send(route, json, type);
          assertErrorShape(answer);
          expect([type, answer.status, answer.body.errors[0].code]).toEqual([
            type,
            415,
            'UNSUPPORTED-MEDIA-TYPE',
          ]);
        }
        const tooLarge = await send(route, `{"a":"${'x'.repeat(1024 * 1024)}"}`);
        assertErrorShape(tooLarge);
        expect(tooLarge.status).toBe(413);
        const response = await populated.admin.api.get('/healthz');
        expect(response.status).toBe(200);
      });

      it('refuses a body of another kind', async () => {
        for (const body of isList(route) ? ['{}', '"text"', '1', 'true'] : ['[]', '"text"', '1', 'true'])
          expectRefused(await send(route, body), 'body');
      });

      it('says 401 before it looks at the body', async () => {
        for (const body of ['{}', '{', JSON.stringify(exampleOf(route).body)]) {
          const answer = await send(route, body, 'application/json', 'not-a-valid-key-at-all');
          assertErrorShape(answer);
          // Broken JSON is met while the body is read, before anybody is asked who they are; guessing is limited.
          expect(body === '{' ? [400, 401, 429] : [401, 429]).toContain(answer.status);
        }
      });

      it('names every required member that is missing', async () => {
        const body = exampleOf(route).body ?? {};
        for (const [name, schema] of Object.entries(membersOf(route))) {
          if (schema.safeParse(undefined).success) continue;
          const { [name]: _left, ...rest } = body as Record<string, unknown>;
          expectRefused(await send(route, rest), name);
          expectRefused(await send(route, { ...rest, [name]: null }), name);
        }
      });

      it('names every member of the wrong type', async () => {
        const body = exampleOf(route).body ?? {};
        for (const name of Object.keys(membersOf(route))) {
          for (const wrong of [{ wrong: 1 }, [[{}]], 'wrong type \u2713'.repeat(1000)]) {
            const isObject =
              name === 'connectionProperties' && !Array.isArray(wrong) && typeof wrong === 'object';
            if (!isObject && !isFree(name, wrong))
              expectRefused(await send(route, { ...body, [name]: wrong }), name);
          }
        }
      });

      it('names every text that is too long', async () => {
        const body = exampleOf(route).body ?? {};
        for (const [name, value] of Object.entries(body)) {
          if (typeof value === 'string')
            expectRefused(await send(route, { ...body, [name]: 'x'.repeat(200_000) }), name);
        }
      });
    },
  );
});

/** Text in a language of its own, which is judged by what it says and may be long. */
const isFree = (name: string, value: unknown) => typeof value === 'string' && freeTexts.has(name);
const freeTexts = new Set([
  'query',
  'qConnectStatement',
  'qConnectionSecret',
  'qPassword',
  'connectionString',
]);
