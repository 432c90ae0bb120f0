import { lackingOf } from '@mooring/connectors/kit/login-parts';
import type { SplitProperties } from '@mooring/connectors/kit/properties';
import type { PropertyProblem } from '@mooring/connectors/spec/property-problem';
import { InvalidRequest } from '../../errors/app-error.js';

/**
 * A login has all fields that its sign-in method needs, and none of another method.
 * @throws InvalidRequest naming each property
 */
export function assertFieldsOf({ signIn, definition, credential }: SplitProperties): void {
  const refuse = (problems: readonly PropertyProblem[]): void => {
    if (problems.length === 0) return;
    throw new InvalidRequest(
      problems.map(({ property, message }) => ({ field: `connectionProperties.${property}`, message })),
    );
  };
  refuse(lackingOf(signIn, definition, credential));
  const unused = Object.keys(credential).filter((name) => !signIn.fields.includes(name));
  refuse(unused.map((property) => ({ property, message: `is not used for sign-in by ${signIn.label}` })));
}
