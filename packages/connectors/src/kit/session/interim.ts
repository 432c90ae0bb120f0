// Stands in for kit/filter and kit/typed-input until they arrive.
import type { z } from 'zod';
import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Filter, FilterOp } from '../../interface/filter.js';
import type { LoginOf, Logins, TokenSource, Values } from '../../interface/login.js';
import type { AnySource, InputOf } from '../../interface/source.js';

export function checkFilter(_filter: Filter, _columns: readonly Column[], _ops: readonly FilterOp[]): void {}

export function compileFilter(_filter: Filter, _columns: readonly Column[]): (row: Row) => boolean {
  throw new ConnectorError('unsupported', 'Filters are not supported yet.');
}

export function typedInput(
  source: AnySource,
  given: { definition: Values; method: string; fields: Values; settings: Values; token?: TokenSource },
): InputOf<z.ZodObject, Logins, z.ZodObject> {
  const { definition, method, fields, settings, token } = given;
  const login = { method, fields, ...(token ? { token } : {}) };
  return {
    properties: source.properties.parse(definition),
    settings: source.settings.parse(settings),
    login: login as unknown as LoginOf<Logins>,
  };
}
