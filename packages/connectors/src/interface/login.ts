import type { z } from 'zod';
import type { Typed } from './fields.js';
import type { PropertyProblem } from './property-problem.js';
import type { Secret } from './secret.js';
import type { OAuthSignIn } from './sign-in.js';

/** Property values by name, before they are typed. */
export type Values = Readonly<Record<string, unknown>>;

/** One way of signing in to a source. */
export interface LoginMethod<Fields extends z.ZodRawShape = z.ZodRawShape> {
  label: string;
  /** Credential properties. One that several methods share is the same schema object, or its `optional()`. */
  fields: Fields;
  /** What the method cannot work without; a list inside means "at least one of these". */
  required: readonly (string | readonly string[])[];
  /** Definition values that select this method. The first method whose values all match is used; the last has none. */
  when?: Readonly<Record<string, string>>;
  /** Like `when`, for conditions beyond single values. */
  applies?(definition: Values): boolean;
  /** Sets of definition properties, of which the method needs at least one complete set. */
  needs?: readonly (readonly string[])[];
  /** What a login lacks besides `required`, where that depends on the definition. */
  lacking?(definition: Values, login: Values): PropertyProblem[];
  /** Credential properties that are valid individually but cannot sign in together. */
  conflicts?(login: Values, definition: Values): PropertyProblem[];
  oauth?: OAuthSignIn;
}

export type Logins = Readonly<Record<string, LoginMethod>>;

/** An access token, and the origin of the API that it is for, where the provider has named it with the token. */
export type AccessToken = Secret<string> & { readonly apiOrigin?: string | undefined };

/**
 * A valid access token. `renew` after the source answered 401 to the last one.
 * @throws ConnectorError `auth_failed` when the user must sign in again
 */
export type TokenSource = (options?: { renew?: boolean }) => Promise<AccessToken>;

/** A login as a connector receives it: told apart by `method`, its secrets hidden. Never logged or kept. */
export type LoginOf<L extends Logins> = {
  [Method in keyof L & string]: { method: Method; fields: Typed<L[Method]['fields']> } & (L[Method] extends {
    oauth: OAuthSignIn;
  }
    ? { token: TokenSource }
    : // Any login may have one or not.
      { token?: 'oauth' extends keyof L[Method] ? TokenSource | undefined : undefined });
}[keyof L & string];

/** A login, opened for one use; `kit/typed-input.ts` makes a typed one of it. Never logged or kept. */
export interface Login {
  /** Key of the method in `Source.logins`. */
  method: string;
  /** Credential properties by name; what the source marks as secret is a `Secret`. Files arrive as `[{name, value}]`. */
  fields: Values;
  /** For OAuth methods. */
  token?: TokenSource;
}
