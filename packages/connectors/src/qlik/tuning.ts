import { z } from 'zod';
import { property, scalarText } from '../interface/fields.js';
import type { SourceManifest } from '../interface/manifest.js';

// Properties that Qlik publishes for its own drivers and clients: accepted, stored and shown, and without effect. They
// join a source in the registry; its connector never sees them.

const driverProperty = (title: string) =>
  property(scalarText(256), {
    title,
    description: 'Accepted for compatibility with another driver; has no effect here.',
    decides: 'nothing',
  }).optional();

interface Tuning {
  /** The source's property that they follow: the order is that of connect statements. */
  after: string;
  properties: Readonly<Record<string, z.ZodType>>;
}

const byId: ReadonlyMap<string, Tuning> = new Map<string, Tuning>([
  [
    'gbq',
    {
      after: 'P12CustomPwd',
      properties: {
        SupportOldClient: driverProperty('Support old clients'),
        Catalog_Old: driverProperty('Former project'),
        Min_TLS: driverProperty('Lowest TLS version'),
        SQLDialect: driverProperty('SQL dialect'),
        RowsFetchedPerBlock: driverProperty('Rows per block'),
        DefaultStringColumnLength: driverProperty('Length of text columns'),
        AllowLargeResults: driverProperty('Large results'),
        EnableHTAPI: driverProperty('Storage API'),
        HTAPI_MinResultsSize: driverProperty('Row threshold for the storage API'),
        HTAPI_MinActivationRatio: driverProperty('Ratio threshold for the storage API'),
        allowNonSelectQueries: driverProperty('Non-SELECT queries'),
        QueryTimeout: driverProperty('Query timeout'),
        Timeout: driverProperty('Timeout'),
        useBulkReader: driverProperty('Bulk reader'),
        bulkFetchSize: driverProperty('Bulk size'),
        rowBatchSize: driverProperty('Rows per batch'),
        bulkFetchColumnMode: driverProperty('Column-wise bulk'),
        maxStringLength: driverProperty('Longest text'),
        logSQLStatements: driverProperty('Statement log'),
      },
    },
  ],
  [
    'postgres',
    {
      after: 'db',
      properties: {
        FetchTSWTZasTimestamp: driverProperty('Time zones as timestamps'),
        MaxVarcharSize: driverProperty('Longest varchar'),
      },
    },
  ],
  [
    'rest',
    {
      after: 'encoding',
      properties: {
        allowWithConnection: property(z.boolean().default(false), {
          title: 'Allow WITH CONNECTION',
          description: "Accepted for Qlik's clients; Mooring has no load script, so it changes nothing.",
          decides: 'nothing',
        }),
      },
    },
  ],
]);

/** @throws Error when the source lacks the property that they follow */
function joined({ shape }: z.ZodObject, { after, properties }: Tuning): z.ZodObject {
  const own = Object.entries(shape);
  const place = own.findIndex(([name]) => name === after) + 1;
  if (place === 0) throw new Error(`there is no property ${after}, which tuning properties follow`);
  const all = [...own.slice(0, place), ...Object.entries(properties), ...own.slice(place)];
  return z.strictObject(Object.fromEntries(all));
}

/** The source, also accepting what Qlik's clients send for Qlik's own driver. No connector receives it. */
export function withTuning(manifest: SourceManifest): SourceManifest {
  const tuning = byId.get(manifest.id);
  return tuning ? { ...manifest, properties: joined(manifest.properties, tuning) } : manifest;
}
