import type { z } from 'zod';
import type { Abilities } from './abilities.js';
import type { Endpoint } from './endpoint.js';
import type { ErrorTable } from './errors.js';
import type { LoginOf, Logins, Values } from './login.js';
import type { SourceFacts } from './manifest.js';
import type { PropertyProblem } from './property-problem.js';
import type { Context, Session } from './session.js';

/** What a connector opens a session with: typed, parsed once, with defaults. */
export interface InputOf<P extends z.ZodObject, L extends Logins, S extends z.ZodObject> {
  /** The definition. */
  properties: z.output<P>;
  login: LoginOf<L>;
  /** The operator's `sources.<id>`. */
  settings: z.output<S>;
}

/** The behaviour of a source. Only what `Source.load` imports may import a driver. */
export interface Connector<Input> {
  errors: ErrorTable;
  /** Connects and signs in; throws whatever the driver throws. */
  open(input: Input, context: Context): Promise<Session>;
}

/**
 * A data source as data: what users fill in, where that leads, what the source can do. Imported at start, so it never
 * imports a driver. Its functions are pure.
 */
export interface Source<P extends z.ZodObject, L extends Logins, S extends z.ZodObject> extends SourceFacts {
  readonly specificationVersion: 2;
  /** The definition: stored in the clear and visible to users. Strict. */
  properties: P;
  /** In order; see `LoginMethod.when`. */
  logins: L;
  /** Secrets of the connection itself, such as an OAuth client's. No connector receives them. */
  clientSecrets?: z.ZodRawShape;
  /** What an operator may set under `sources.<id>`. Strict: an unknown setting stops the start. */
  settings: S;
  /** Where this definition leads, in the order in which it is dialled; exactly one has the role `data`. */
  endpoints(properties: z.output<P>, settings: z.output<S>): readonly Endpoint[];
  abilities: Abilities;
  /** Definition properties that name the target, in order: the same values have the same QRI. Absent: all. */
  target?: readonly (keyof z.output<P> & string)[];
  /** Beside `target`: what leads to it, part of the QRI where it is set. */
  targetWay?: readonly string[];
  /** Rearranges what was given before it is validated. */
  arrange?(given: Values): Record<string, unknown>;
  /** Definition properties that are valid individually but not together. */
  conflicts?(properties: Values): PropertyProblem[];
  /** What the operator's settings forbid. */
  forbidden?(properties: Values, settings: Values): PropertyProblem[];
  /** Defaults that 0.1.0 filled in and that no longer apply. */
  formerDefaults?: Values;
  /** Where to put a credential that a source expects in its query, for users who put it into the definition. */
  queryCredential?: string;
  load(): Promise<{ connector: Connector<InputOf<P, L, S>> }>;
}

/** Any source. Members are declared as methods, so that each source is one. */
export type AnySource = Source<z.ZodObject, Logins, z.ZodObject>;

/** Types a source by its properties, logins and settings. */
export const defineSource = <P extends z.ZodObject, L extends Logins, S extends z.ZodObject>(
  source: Source<P, L, S>,
): Source<P, L, S> => source;
