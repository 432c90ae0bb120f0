// What an update of a connection means for its credentials: one table for all sources, which the tests walk and
// docs/reference/destinations.md shows. CASES rule 2.

import type { Destinations } from '@mooring/connectors/suite/harness';
import { harnesses } from '@mooring/connectors/suite/harnesses';

/**
 * `confirm`: another destination: every user confirms, and an embedded credential is sent again in the same request.
 * `keep`: harmless. `refuse`: not a property of this data source; nothing is changed.
 */
export type Meaning = 'confirm' | 'keep' | 'refuse';

/** One request. */
export interface Edit {
  what: string;
  changes: readonly { path: string; value: unknown }[];
  meaning: Meaning;
  /** What an embedded credential needs at the new destination, where that is not the same again. */
  again?: Readonly<Record<string, unknown>> | 'made elsewhere';
}

export interface SourceCase {
  datasourceID: string;
  definition: Readonly<Record<string, unknown>>;
  credential: Readonly<Record<string, unknown>>;
  edits: readonly Edit[];
}

const edit = (what: string, meaning: Meaning, change: Readonly<Record<string, unknown>>): Edit => ({
  what,
  changes: Object.entries(change).map(([name, value]) => ({ path: `/connectionProperties/${name}`, value })),
  meaning,
});
const noAuthType = edit('auth type', 'refuse', { authSchema: 'basic' });
const everywhere: readonly Edit[] = [
  { what: 'rename', changes: [{ path: '/qName', value: 'renamed' }], meaning: 'keep' },
  { what: 'tags', changes: [{ path: '/tags', value: ['a', 'b'] }], meaning: 'keep' },
  edit('proxy', 'refuse', { proxy: 'http://127.0.0.1:9' }),
];

/** Addresses of two listeners: one that the credential is for, and one that it must never reach. */
export interface Places {
  here: { host: string; port: number; url: string };
  there: { host: string; port: number; url: string };
}

/** Properties of other sources, as far as this one has none of that name. */
const foreign: readonly Edit[] = [
  edit('CA replaced', 'refuse', { rootCertificates: [] }),
  edit('region', 'refuse', { region: 'eu-west-1' }),
  edit('token URL', 'refuse', { tokenUrl: 'http://127.0.0.1:9' }),
  noAuthType,
];

/** The case of a source with a harness. */
function caseOf(datasourceID: string, { definition, credential, edits }: Destinations): SourceCase {
  const own = edits.map(({ what, change, meaning, again }) => ({
    ...edit(what, meaning, change),
    ...(again ? { again } : {}),
  }));
  const ownPaths = new Set(own.flatMap(({ changes }) => changes.map(({ path }) => path)));
  const isOthers = ({ changes }: Edit) => changes.every(({ path }) => !ownPaths.has(path));
  return {
    datasourceID,
    definition,
    credential,
    edits: [...everywhere, ...own, ...foreign.filter(isOthers)],
  };
}

export const destinationCases = (places: Places, certificate: string): SourceCase[] =>
  harnesses.map(([id, harness]) => caseOf(id, harness.destinations({ ...places, certificate })));
