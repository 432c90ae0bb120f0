import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { allRoutes } from './all-routes.js';
import { type ErrorCode, errorTable } from './errors.js';
import type { Route } from './route.js';
import { version } from './version.js';
import { errorsSchema, rateLimitedSchema } from './wire.js';

/** Errors that follow from the kind of route, in addition to its own. */
const commonErrors = (route: Route): ErrorCode[] => [
  ...(route.public ? [] : (['AUTHENTICATION-REQUIRED'] as const)),
  ...(route.tier === 'none' ? [] : (['HTTP-429'] as const)),
  ...(route.idempotent
    ? (['IDEMPOTENCY-KEY-REUSED', 'IDEMPOTENCY-IN-PROGRESS', 'IDEMPOTENCY-OUTCOME-UNKNOWN'] as const)
    : []),
  ...(route.etag && route.method !== 'GET' ? (['PRECONDITION-FAILED'] as const) : []),
  ...(route.body ? (['BODY-TOO-LARGE', 'UNSUPPORTED-MEDIA-TYPE'] as const) : []),
  ...(route.tag === 'platform' ? [] : (['INTERNAL', 'NOT-READY', 'OUTCOME-UNKNOWN'] as const)),
];

function errorResponses(route: Route): ZodOpenApiOperationObject['responses'] {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...route.errors, ...commonErrors(route)])) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${errorTable[code].meaning}`).join('\n\n'),
        content: {
          'application/json': {
            schema: codes.includes('HTTP-429') ? z.union([rateLimitedSchema, errorsSchema]) : errorsSchema,
          },
        },
      },
    ]),
  );
}

function requestBody(schema: z.ZodType, types: Route['bodyTypes'] = ['application/json']) {
  return { content: Object.fromEntries(types.map((type) => [type, { schema }])) };
}

const idempotencyKey = z.string().max(255).optional().meta({
  description:
    'A unique key of your choice, kept for a day: repeating the request with the same key returns the first answer and does not execute it again',
});
const ifMatch = z.string().optional().meta({
  description:
    '`ETag` of the state you read: the change is refused with 412 if the resource has changed since',
});

function headerParameters(route: Route): { header?: z.ZodObject } {
  const shape = {
    ...route.headers?.shape,
    ...(route.idempotent ? { 'Idempotency-Key': idempotencyKey } : {}),
    ...(route.etag && route.method !== 'GET' ? { 'If-Match': ifMatch } : {}),
  };
  return Object.keys(shape).length > 0 ? { header: z.object(shape) } : {};
}

function operation(route: Route): ZodOpenApiOperationObject {
  const responses = Object.fromEntries(
    Object.entries(route.responses).map(([status, response]) => {
      const types = response.contentTypes ?? (response.schema ? ['application/json'] : []);
      const content = Object.fromEntries(
        types.map((type) => [type, response.schema ? { schema: response.schema } : {}]),
      );
      return [status, { description: response.description, ...(types.length > 0 ? { content } : {}) }];
    }),
  );
  return {
    operationId: route.id,
    summary: route.summary,
    description: [route.description, `Permission: ${route.permission}`, `Rate tier: ${route.tier}.`]
      .filter(Boolean)
      .join('\n\n'),
    tags: [route.tag],
    security: route.public ? [] : [{ bearer: [] }],
    requestParams: {
      ...(route.params ? { path: route.params } : {}),
      ...(route.query ? { query: route.query } : {}),
      ...headerParameters(route),
    },
    ...(route.body ? { requestBody: requestBody(route.body, route.bodyTypes) } : {}),
    responses: { ...responses, ...errorResponses(route) } as ZodOpenApiOperationObject['responses'],
  };
}

let document: unknown;

/** The API as an OpenAPI 3.1 document. */
export function openApiDocument(): unknown {
  if (document !== undefined) return document;
  const paths: ZodOpenApiPathsObject = {};
  for (const route of allRoutes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Mooring',
      version,
      description:
        'Shared data connections, used with your own credentials. Follows the public data-connections API of Qlik Cloud and adds test, browse, describe, preview, read (of rows, or of the bytes of a file) and resolve.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(allRoutes.map((route) => route.tag))].map((name) => ({ name })),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'API key or access token' } },
    },
    paths,
  });
  return document;
}
