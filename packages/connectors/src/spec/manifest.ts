import type { z } from 'zod';
import type { Connector } from './connector.js';
import type { SignInMethod } from './sign-in.js';

export interface Capabilities {
  /** `read` takes a path, as browse returns it. */
  readPath: boolean;
  /** `read` takes a query text. */
  readQuery: boolean;
  /** What is read are files, of which a request may say how. */
  files?: boolean;
  /** The source itself refuses writes on the connections we open. */
  readOnlyAtSource: boolean;
  /** Longest path that `browse` and `read` take, in segments. */
  browseDepth: number;
}

/** What was really run, for `docs/reference/sources.md`. */
export interface Evidence {
  /** Real servers or vendor clients that the tests run against. */
  verifiedAgainst: readonly string[];
  /** What could not be run here, plainly. */
  notVerified: readonly string[];
  /** Known limits people should know before they choose this source. */
  limits: readonly string[];
}

/** One problem with one property, in words that name it. */
export interface PropertyProblem {
  property: string;
  message: string;
}

/** A data source as data. Imported at start, so it never imports a driver. */
export interface SourceManifest {
  /** Qlik's data source id where there is one; also the folder's name. */
  id: string;
  name: string;
  /** Qlik's provider executable: `provider` of data-sources, `connectorProvider` of api-specs, `qType` of connections. */
  provider: string;
  /** Provider named in the connect statement, where Qlik's differs from `provider`. */
  statementProvider?: string;
  providerName: string;
  /** Key that names the source in a connect statement; null when the provider has one source only. */
  sourceProperty: 'sourceType' | 'driver' | null;
  connectorVersion: string;
  category: 'file' | 'database' | 'api';
  stage: 'preview' | 'beta' | 'stable';
  links: readonly { title: string; url: string }[];
  /** Inline SVG, at most 4 KB, no script, no external reference. */
  icon: string;
  /** Every property, strict. The separated-credentials trio and `authCode` are added by the kit. */
  properties: z.ZodObject;
  /**
   * Puts what was given where it belongs before it is validated, for properties that hold more than one thing: a list
   * of headers of which some are secret.
   */
  arrange?: (given: Readonly<Record<string, unknown>>) => Record<string, unknown>;
  /** Properties that are right each for itself and wrong together; gets the definition with defaults applied. */
  conflicts?: (definition: Readonly<Record<string, unknown>>) => PropertyProblem[];
  /** What the operator's settings of this source do not allow; gets the definition with defaults applied. */
  forbidden?: (
    definition: Readonly<Record<string, unknown>>,
    settings: Readonly<Record<string, string>>,
  ) => PropertyProblem[];
  /** What cannot sign in though each property is right for itself; gets the credential as it was given. */
  credentialConflicts?: (
    credential: Readonly<Record<string, unknown>>,
    definition: Readonly<Record<string, unknown>>,
  ) => PropertyProblem[];
  /** What 0.1.0 filled up where nothing was set, and is no default any more. */
  formerDefaults?: Readonly<Record<string, unknown>>;
  /** Where a credential goes that a source wants in its query, for people who put it into the definition. */
  queryCredential?: string;
  /** What an operator may set under `sources.<id>`: each member a text, optional, with a description. Absent: nothing. */
  settings?: z.ZodObject;
  /** In order; the first whose `when` matches is used. The last one should match always. */
  signIns: readonly SignInMethod[];
  capabilities: Capabilities;
  evidence: Evidence;
  /** Prefix of the source's QRI, for instance `qri:db:postgres://`. */
  qriPrefix: string;
  /**
   * Definition properties that name the target, in order; whatever else differs, the same values are the same
   * target and have the same QRI. Absent: every property of the definition.
   */
  qriProperties?: readonly string[];
  load: () => Promise<{ connector: Connector }>;
}
