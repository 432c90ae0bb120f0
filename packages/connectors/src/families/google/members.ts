import type { JsonValue } from '../../interface/data-types.js';

// Members of answers, which may have any shape.

export type JsonObject = { [key: string]: JsonValue };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The named member if it is an object, else `{}`. */
export function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  return isObject(value) ? value : {};
}

/** The named member if it is text that is not empty. */
export function textIn(parent: JsonObject, name: string): string | undefined {
  const value = parent[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The named member if it is a number of 64 bits, which travels as text. */
export function countIn(parent: JsonObject, name: string): number | undefined {
  const value = textIn(parent, name);
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** The objects of the named list, without what else it has. */
export function objectsIn(parent: JsonObject, name: string): JsonObject[] {
  const value = parent[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}
