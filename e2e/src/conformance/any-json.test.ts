import { allRoutes } from '@mooring/contract/all-routes';
import { openApiDocument } from '@mooring/contract/openapi';
import type { Route } from '@mooring/contract/route';
import { full } from '@mooring/lab/test-tier';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertErrorShape } from '../error-shape.js';
import { type PopulatedMooring, startPopulatedMooring } from '../populated-mooring.js';
import { exampleFor } from '../route-examples.js';

// Beside hostile-input.test.ts, which sends chosen values one field at a time: arbitrary JSON in several fields of
// every body and arbitrary text in several fields of every query, with names and kinds from the OpenAPI document.

let populated: PopulatedMooring;

beforeAll(async () => {
  populated = await startPopulatedMooring();
});
afterAll(() => populated.close());

interface Property {
  type?: string;
  enum?: readonly unknown[];
}

interface Schema extends Property {
  $ref?: string;
  properties?: Record<string, Property>;
}

interface OpenApi {
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, Schema> };
}

interface OpenApiOperation {
  parameters?: { in: string; name: string; schema: Property }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

const document = openApiDocument() as OpenApi;
const operationOf = ({ path, method }: Route) => document.paths[path]?.[method.toLowerCase()];

function bodyMembers(route: Route): Record<string, Property> {
  const schema = operationOf(route)?.requestBody?.content['application/json']?.schema;
  const named = schema?.$ref?.replace('#/components/schemas/', '');
  return (named === undefined ? schema : document.components.schemas[named])?.properties ?? {};
}

function queryMembers(route: Route): Record<string, Property> {
  const parameters = operationOf(route)?.parameters ?? [];
  return Object.fromEntries(
    parameters.filter((one) => one.in === 'query').map(({ name, schema }) => [name, schema]),
  );
}

const anyText = fc.string({ unit: 'binary', maxLength: 300 });
const anyValue = fc.oneof(
  fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 }),
  fc.double(),
  anyText,
  fc.date(),
);

/** Often of the right kind, so that more than the schema's first check is reached. */
function valueFor({ type, enum: allowed }: Property): fc.Arbitrary<unknown> {
  if (allowed) return fc.oneof(fc.constantFrom(...allowed), anyValue);
  const kinds: Record<string, fc.Arbitrary<unknown>> = {
    string: fc.oneof(anyText, fc.uuid(), fc.webUrl()),
    boolean: fc.boolean(),
    integer: fc.integer(),
    number: fc.double(),
    array: fc.array(anyValue, { maxLength: 40 }),
    object: fc.dictionary(anyText, anyValue, { maxKeys: 10 }),
  };
  return fc.oneof(kinds[type ?? ''] ?? anyValue, anyValue);
}

/** Some of the members with values of any kind, and some that the schema does not have. */
const changesTo = (members: Record<string, Property>) =>
  fc
    .tuple(
      fc.record(
        Object.fromEntries(Object.entries(members).map(([name, property]) => [name, valueFor(property)])),
        { requiredKeys: [] },
      ),
      fc.dictionary(anyText, anyValue, { maxKeys: 3 }),
    )
    .map(([known, unknown]) => ({ ...unknown, ...known }));

const asText = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

const searchOf = (query: object) =>
  new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, asText(value)]));

async function answerTo(route: Route, query: object, body: unknown): Promise<void> {
  const example = exampleFor(route, populated.admin.has) ?? {};
  const params: Record<string, string> = { ...example.params };
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? name),
  );
  const response = await fetch(`${populated.mooring.url}${path}?${searchOf(query)}`, {
    method: route.method,
    headers: {
      authorization: `Bearer ${populated.mooring.adminKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.status, text.slice(0, 500)).toBeLessThan(500);
  if (response.status < 400) return;
  if (text.startsWith('<!doctype html>')) return;
  assertErrorShape({ status: response.status, body: JSON.parse(text), text });
}

const runs = { numRuns: full(40, 6) };
const named = (isWanted: (route: Route) => boolean) =>
  allRoutes.filter(isWanted).map((route) => [`${route.method} ${route.path}`, route] as const);

describe('D11: any JSON gives a 2xx or a 4xx in the error shape', () => {
  it.each(named((route) => route.body !== undefined))('in the body of %s', async (_name, route) => {
    const { body: right, query = {} } = exampleFor(route, populated.admin.has) ?? {};
    const members = bodyMembers(route);
    const bodies = fc.oneof(
      { weight: 4, arbitrary: changesTo(members).map((changes) => ({ ...right, ...changes })) },
      { weight: 1, arbitrary: fc.array(changesTo({ op: {}, path: {}, value: {} }), { maxLength: 5 }) },
      { weight: 1, arbitrary: anyValue },
    );
    await fc.assert(
      fc.asyncProperty(bodies, (body) => answerTo(route, query, body ?? null)),
      runs,
    );
  });

  // What a DELETE without its right query would end is what other cases are about.
  it.each(named((route) => route.query !== undefined && route.method !== 'DELETE'))(
    'in the query of %s',
    async (_name, route) => {
      const { body } = exampleFor(route, populated.admin.has) ?? {};
      await fc.assert(
        fc.asyncProperty(changesTo(queryMembers(route)), (query) => answerTo(route, query, body)),
        runs,
      );
    },
  );

  it('leaves everything where it was, and no fault in the log', async () => {
    const { api, has } = populated.admin;
    const paths = [
      `data-connections/${has.connectionId}`,
      `data-credentials/${has.credentialId}`,
      'users/me',
    ];
    for (const path of paths) expect([path, (await api.get(`/api/v1/${path}`)).status]).toEqual([path, 200]);
    const lines = populated.mooring.logText().split('\n');
    expect(lines.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
  });
});
