import type { AnySource } from '../interface/source.js';
import { manifestOf } from '../kit/manifest.js';
import { parseProperties } from '../kit/properties.js';
import type { TestInput } from './bench.js';
import type { Connection } from './harness.js';

/**
 * What the service opens a session with for this connection.
 * @throws Error naming the properties that are not valid
 */
export function inputOf(source: AnySource, { name, properties, token }: Connection): TestInput {
  const parsed = parseProperties(manifestOf(source), properties);
  if (!parsed.ok) {
    const problems = parsed.problems.map(({ property, message }) => `${property} ${message}`);
    throw new Error(`The connection ${JSON.stringify(name)} is not valid: ${problems.join(', ')}.`);
  }
  const { definition, credential, signIn } = parsed.value;
  return {
    properties: definition,
    login: { signIn: signIn.id, fields: credential, ...(token ? { accessToken: token } : {}) },
  };
}
