import type { z } from 'zod';
import type { Abilities } from './abilities.js';
import type { PropertyProblem } from './property-problem.js';
import type { SignInMethod } from './sign-in.js';

/** What was actually run, for `docs/reference/sources.md`. */
export interface Evidence {
  /** Real servers or vendor clients that the tests run against. */
  verifiedAgainst: readonly string[];
  /** What could not be run here. */
  notVerified: readonly string[];
  /** Known limits that users should know before they choose this source. */
  limits: readonly string[];
}

/** What users learn about a source. */
export interface SourceFacts {
  /** Qlik's data source id if there is one; also the folder's name. */
  id: string;
  name: string;
  category: 'file' | 'database' | 'api';
  stage: 'preview' | 'beta' | 'stable';
  /** The vendor's pages that say how to find the properties. */
  links: readonly { title: string; url: string }[];
  /** Inline SVG, at most 4 KB, no script, no external reference. */
  icon: string;
  evidence: Evidence;
}

/** A data source as data. Imported at start, so it never imports a driver. */
export interface SourceManifest extends SourceFacts {
  /** All properties, strict. What only Qlik's clients know is added in the `qlik` room. */
  properties: z.ZodObject;
  /**
   * Moves input to where it belongs before validation, for properties that combine several things, such as a list of
   * headers of which some are secret.
   */
  arrange?: (given: Readonly<Record<string, unknown>>) => Record<string, unknown>;
  /** Properties that are valid individually but contradict each other; gets the definition with defaults applied. */
  conflicts?: (definition: Readonly<Record<string, unknown>>) => PropertyProblem[];
  /** What the operator's settings of this source forbid; gets the definition with defaults applied. */
  forbidden?: (
    definition: Readonly<Record<string, unknown>>,
    settings: Readonly<Record<string, string>>,
  ) => PropertyProblem[];
  /** Credential properties that are valid individually but cannot sign in together; gets the credential as given. */
  credentialConflicts?: (
    credential: Readonly<Record<string, unknown>>,
    definition: Readonly<Record<string, unknown>>,
  ) => PropertyProblem[];
  /** Defaults that 0.1.0 filled in and that no longer apply. */
  formerDefaults?: Readonly<Record<string, unknown>>;
  /** Where to put a credential that a source expects in its query, for users who put it into the definition. */
  queryCredential?: string;
  /**
   * What an operator may set under `sources.<id>`: each member an optional text with a description. Absent: nothing.
   */
  settings?: z.ZodObject;
  /** In order; the first whose `when` matches is used. The last one should match always. */
  signIns: readonly SignInMethod[];
  abilities: Abilities;
  /**
   * Definition properties that name the target, in order: the same values are the same target, whatever else differs.
   * Absent: all properties of the definition.
   */
  target?: readonly string[];
  /** Beside `target`: those that lead to it, such as a tunnel's host. They count where they are set. */
  targetWay?: readonly string[];
}
