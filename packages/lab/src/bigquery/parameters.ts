// Parameters of a query: https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter
import type { Cell } from './data.js';
import { BigQueryFailure } from './failure.js';

/** By name, or by place from 1. */
export type QueryParameters = ReadonlyMap<string | number, { type: string; cell: Cell }>;

export const noParameters: QueryParameters = new Map();

const valid: Readonly<Record<string, RegExp>> = {
  INT64: /^-?\d{1,19}$/,
  FLOAT64: /^(?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|-?Infinity|NaN)$/i,
  NUMERIC: /^-?\d{1,29}(?:\.\d{1,9})?$/,
  BIGNUMERIC: /^-?\d{1,39}(?:\.\d{1,38})?$/,
  BOOL: /^(?:true|false)$/i,
  STRING: /^/,
  BYTES: /^[A-Za-z0-9+/]*=*$/,
  DATE: /^\d{4}-\d\d-\d\d$/,
  TIME: /^\d\d:\d\d:\d\d(?:\.\d{1,6})?$/,
  DATETIME: /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?$/,
  TIMESTAMP: /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:?00)$/,
  JSON: /^/,
};

interface Sent {
  name?: unknown;
  parameterType?: { type?: unknown };
  parameterValue?: { value?: unknown };
}

/** Instants travel as microseconds since 1970. */
function cellOf(type: string, value: string): Cell {
  if (type !== 'TIMESTAMP') return value;
  const micros = /\.(\d{1,6})/.exec(value)?.[1]?.padEnd(6, '0') ?? '0';
  const seconds = Date.parse(value.replace(/\.\d+/, '').replace(' ', 'T')) / 1000;
  return String(BigInt(seconds) * 1_000_000n + BigInt(micros));
}

function parameterOf({ parameterType, parameterValue }: Sent): { type: string; cell: Cell } {
  const type = String(parameterType?.type);
  const sent = parameterValue?.value ?? null;
  // Google's client sends numbers and booleans as such, though the reference says text.
  const value = typeof sent === 'number' || typeof sent === 'boolean' ? String(sent) : sent;
  const pattern = valid[type];
  if (pattern === undefined) throw new BigQueryFailure('invalid', `Invalid parameter type: ${type}`);
  if (value !== null && (typeof value !== 'string' || !pattern.test(value)))
    throw new BigQueryFailure('invalid', `Unparseable query parameter with value of type ${type}`);
  return { type, cell: value === null ? null : cellOf(type, value) };
}

/** @throws BigQueryFailure `invalid` for parameters that do not fit their mode */
export function parametersIn(request: Record<string, unknown>): QueryParameters {
  const { queryParameters: sent, parameterMode } = request as {
    queryParameters?: readonly Sent[];
    parameterMode?: string;
  };
  if (sent === undefined || sent.length === 0) return noParameters;
  // Google's client writes it in lower case.
  const mode = parameterMode?.toUpperCase();
  if (mode !== 'NAMED' && mode !== 'POSITIONAL')
    throw new BigQueryFailure('invalid', 'Missing parameter mode');
  return new Map(
    sent.map((each, index) => {
      if ((typeof each.name === 'string') !== (mode === 'NAMED'))
        throw new BigQueryFailure('invalid', `Invalid parameter for mode ${mode}`);
      return [mode === 'NAMED' ? String(each.name).toLowerCase() : index + 1, parameterOf(each)];
    }),
  );
}

/** @throws BigQueryFailure `invalidQuery` for one that was not sent */
export function parameterAt(parameters: QueryParameters, key: string | number): { type: string; cell: Cell } {
  const found = parameters.get(typeof key === 'string' ? key.toLowerCase() : key);
  if (found) return found;
  throw new BigQueryFailure('invalidQuery', `Query parameter '${key}' not found at [1:8]`);
}
