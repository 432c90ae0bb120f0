import type { PropertySpec } from '@mooring/contract/data-source-schema';
import { z } from 'zod';
import type { SourceManifest } from '../interface/manifest.js';
import type { PropertyProblem } from '../interface/property-problem.js';
import { Secret } from '../interface/secret.js';
import { parseProperties, type SplitProperties } from '../kit/properties.js';
import { canonical, problemsOf } from '../kit/property-input.js';

// `connectionProperties`: the properties of a source and, among them, Qlik's members that control credentials.

/** Qlik's separated-credentials trio, which every source accepts, in the form of api-specs. */
export const separatedProperties = {
  separateCredentials: {
    type: 'boolean',
    default: false,
    description: 'Each user provides their own credentials; none are stored with the connection.',
  },
  selectedCredentials: { type: 'string', description: 'Id of your separated credential to use.' },
  credentialsName: {
    type: 'string',
    description: 'Name for the separated credential made from this request.',
  },
} as const satisfies Record<string, PropertySpec>;

/** `authCode`, for sources with an interactive sign-in, in the form of api-specs. */
export const authCodeProperty = {
  type: 'string',
  default: '',
  description: 'Code shown after the interactive sign-in.',
} as const satisfies PropertySpec;

/** Members of `connectionProperties` that control credentials instead of describing the source. */
export const choiceSchema = z.strictObject({
  separateCredentials: z.boolean().default(false),
  selectedCredentials: z.string().max(64).optional(),
  credentialsName: z.string().optional(),
  authCode: z.string().max(8192).optional(),
});

export const choiceNames: readonly string[] = Object.keys(choiceSchema.shape);

export interface CredentialChoice {
  separateCredentials: boolean;
  selectedCredentials?: string;
  credentialsName?: string;
  /** Code pasted after an interactive sign-in. */
  authCode?: Secret<string>;
}

export interface ConnectionProperties extends SplitProperties {
  choice: CredentialChoice;
}

const lowerNames = new Set(choiceNames.map((name) => name.toLowerCase()));
const isOfChoice = ([name]: [string, unknown]): boolean => lowerNames.has(name.toLowerCase());

/**
 * Validates `connectionProperties` against the source, and splits them by holder and choice.
 * @param stored names of the connection's own secrets that are already stored
 */
export function parseConnectionProperties(
  manifest: SourceManifest,
  input: Readonly<Record<string, unknown>>,
  stored: readonly string[] = [],
): { ok: true; value: ConnectionProperties } | { ok: false; problems: PropertyProblem[] } {
  const entries = Object.entries(input);
  const ofSource = entries.filter((entry) => !isOfChoice(entry));
  const parsed = parseProperties(manifest, Object.fromEntries(ofSource), stored);
  const given = canonical(choiceSchema.shape, Object.fromEntries(entries.filter(isOfChoice)));
  const chosen = choiceSchema.safeParse(given.value);
  const problems = [
    ...(parsed.ok ? [] : parsed.problems),
    ...given.problems,
    ...(chosen.success ? [] : problemsOf(chosen.error, given.value)),
  ];
  if (!parsed.ok || !chosen.success || problems.length > 0) return { ok: false, problems };
  const { selectedCredentials, credentialsName, authCode, separateCredentials } = chosen.data;
  const choice = {
    separateCredentials,
    ...(selectedCredentials ? { selectedCredentials } : {}),
    ...(credentialsName ? { credentialsName } : {}),
    ...(authCode ? { authCode: new Secret(authCode) } : {}),
  };
  return { ok: true, value: { ...parsed.value, choice } };
}
