import type { Values } from '../../interface/login.js';
import { sqlAbilities, sqlEndpoint } from '../sql/abilities.js';
import { certificateNeedsTls } from '../sql/properties.js';
import { type MySqlInput, mySqlLogins, mySqlProperties, mySqlSettings } from './properties.js';

// Pure data: sources are imported at start, so no driver is imported here.

/** What the sources of this family share; they differ in id, name, icon, links and evidence. */
export const mySqlSource = {
  specificationVersion: 2,
  category: 'database',
  stage: 'beta',
  properties: mySqlProperties,
  logins: mySqlLogins,
  settings: mySqlSettings,
  target: ['host', 'port', 'database'],
  conflicts: (definition: Values) => certificateNeedsTls(definition, ['sslmode', 'disable']),
  endpoints: (definition: MySqlInput['properties']) => [sqlEndpoint(definition)],
  abilities: sqlAbilities({ query: { language: 'sql', parameters: 'positional' } }),
} as const;

export const mySqlLimits = [
  'Read-only: every read is one prepared statement in a read-only transaction that is rolled back.',
  'Queries that the server cannot prepare are refused.',
  'A row of more than 32 MiB is refused.',
  'Negative TIME values and those beyond 24 hours keep their hours, as MySQL writes them.',
  'Geometries are extended well-known text with their SRID; coordinates keep the order of the server.',
];
