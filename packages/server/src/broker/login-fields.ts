import { missingCredentialFields, type SplitProperties } from '@mooring/connectors/kit/properties';
import { InvalidRequest } from '../http/app-error.js';

/**
 * A login holds everything that its sign-in method needs, and nothing of another.
 * @throws InvalidRequest naming each property
 */
export function assertFieldsOf({ signIn, credential }: SplitProperties): void {
  const refuse = (names: readonly string[], what: string): void => {
    if (names.length === 0) return;
    const message = `${what} for sign-in by ${signIn.label}`;
    throw new InvalidRequest(names.map((name) => ({ field: `connectionProperties.${name}`, message })));
  };
  refuse(missingCredentialFields(signIn, credential), 'is required');
  refuse(
    Object.keys(credential).filter((name) => !signIn.fields.includes(name)),
    'is not used',
  );
}
