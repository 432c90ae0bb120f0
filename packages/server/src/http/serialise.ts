import type { RouteResponse } from '@mooring/contract/route';
import fastJsonStringify from 'fast-json-stringify';
import { z } from 'zod';

type Serialise = (body: unknown) => string;

/**
 * Compiles a response schema into a function that writes only what the schema names, so that a field that was
 * never meant to leave cannot leave. Unions are parsed by zod, which strips in the same way.
 */
export function compileSerialiser(response: RouteResponse | undefined): Serialise {
  const schema = response?.schema;
  if (!schema) return (body) => JSON.stringify(body);
  if (schema instanceof z.ZodUnion) return (body) => JSON.stringify(schema.parse(body));
  const { $schema, ...jsonSchema } = z.toJSONSchema(schema, { unrepresentable: 'any', reused: 'inline' });
  return fastJsonStringify(jsonSchema as Parameters<typeof fastJsonStringify>[0]);
}
