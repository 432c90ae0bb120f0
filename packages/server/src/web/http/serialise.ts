import type { RouteResponse } from '@mooring/contract/route';
import fastJsonStringify from 'fast-json-stringify';
import { z } from 'zod';

type Serialise = (body: unknown) => string;

/**
 * A function that serializes only what the response schema names, so that an internal field cannot leak. Unions are
 * parsed by zod, which strips in the same way. Others are compiled at their first response: compiling all of them would
 * add a tenth of a second to every start.
 */
export function compileSerialiser(response: RouteResponse | undefined): Serialise {
  const schema = response?.schema;
  if (!schema) return (body) => JSON.stringify(body);
  if (schema instanceof z.ZodUnion) return (body) => JSON.stringify(schema.parse(body));
  let compiled: Serialise | undefined;
  return (body) => {
    compiled ??= compile(schema);
    return compiled(body);
  };
}

function compile(schema: z.ZodType): Serialise {
  const { $schema, ...jsonSchema } = z.toJSONSchema(schema, { unrepresentable: 'any', reused: 'inline' });
  return fastJsonStringify(jsonSchema as Parameters<typeof fastJsonStringify>[0]);
}
