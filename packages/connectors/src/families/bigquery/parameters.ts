import type { NeutralType } from '../../interface/data-types.js';
import type { JsonScalar } from '../../interface/filter.js';
import type { Parameter, Parameters } from '../../interface/plan.js';
import type { JsonObject } from '../google/members.js';

// Source: https://cloud.google.com/bigquery/docs/parameterized-queries

const types: Readonly<Record<NeutralType, string>> = {
  boolean: 'BOOL',
  integer: 'INT64',
  bigint: 'INT64',
  decimal: 'BIGNUMERIC',
  float: 'FLOAT64',
  string: 'STRING',
  date: 'DATE',
  time: 'TIME',
  timestamp: 'TIMESTAMP',
  datetime: 'DATETIME',
  bytes: 'BYTES',
  json: 'JSON',
};

/** Of a value whose type is not given. A STRING is coerced to dates and times; BigQuery coerces INT64 to other numbers. */
function typeOf(value: JsonScalar): string {
  if (typeof value === 'boolean') return 'BOOL';
  if (typeof value !== 'number') return 'STRING';
  return Number.isSafeInteger(value) ? 'INT64' : 'FLOAT64';
}

const isTyped = (parameter: Parameter): parameter is Exclude<Parameter, JsonScalar> =>
  typeof parameter === 'object' && parameter !== null;

function parameterOf(parameter: Parameter): JsonObject {
  const value = isTyped(parameter) ? parameter.value : parameter;
  const type = isTyped(parameter) ? types[parameter.type] : typeOf(value);
  return { parameterType: { type }, parameterValue: { value: value === null ? null : String(value) } };
}

/** The members of a query's configuration for its parameters. */
export function parametersOf(parameters: Parameters | undefined): JsonObject {
  if (!parameters) return {};
  if (Array.isArray(parameters))
    return {
      parameterMode: 'POSITIONAL',
      queryParameters: (parameters as readonly Parameter[]).map(parameterOf),
    };
  const named = Object.entries(parameters as Readonly<Record<string, Parameter>>);
  return {
    parameterMode: 'NAMED',
    queryParameters: named.map(([name, value]) => ({ name, ...parameterOf(value) })),
  };
}
