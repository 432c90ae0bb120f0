import type { SourceManifest } from '../interface/manifest.js';

// What Qlik calls a source. A source that Qlik does not have gets the names of its category, so that Qlik's clients can
// use it; it needs no line here.

export interface QlikNames {
  /** Provider executable: `provider` of data-sources, `connectorProvider` of api-specs, `qType` of connections. */
  provider: string;
  /** Provider in the connect statement, if it differs from `provider`. */
  statementProvider?: string;
  providerName: string;
  /** Key that names the source in a connect statement; null if the provider has only one source. */
  sourceProperty: 'sourceType' | 'driver' | null;
  connectorVersion: string;
  /** Prefix of the source's QRI, for instance `qri:db:postgres://`. */
  qriPrefix: string;
}

type Named = Pick<SourceManifest, 'id' | 'category'>;

const connectorVersion = '1.0.0';

const odbc = (name: string): QlikNames => ({
  provider: 'QvOdbcConnectorPackage.exe',
  providerName: 'Qlik® ODBC Connector Package',
  sourceProperty: 'driver',
  connectorVersion,
  qriPrefix: `qri:db:${name}://`,
});

const web = (name: string): QlikNames => ({
  provider: 'QvWebConnectorPackage.exe',
  providerName: 'Qlik Web Connectors',
  sourceProperty: 'sourceType',
  connectorVersion,
  qriPrefix: `qri:api:${name}://`,
});

const webStorage = (name: string): QlikNames => ({
  ...web(name),
  provider: 'QvWebStorageProviderConnectorPackage.exe',
  statementProvider: 'QvWebConnectorPackage.exe',
  qriPrefix: `qri:file:${name}://`,
});

const byCategory = { file: webStorage, database: odbc, api: web };

/** Where Qlik's names are not those of the category. QRIs are stored, so a prefix never changes. */
const byId: ReadonlyMap<string, QlikNames> = new Map([
  ['File_AmazonS3Connector', webStorage('s3')],
  ['File_AmazonS3ConnectorV2', webStorage('s3')],
  ['File_FileTransferConnector', webStorage('sftp')],
  ['gbq', odbc('bigquery')],
  [
    'rest',
    {
      provider: 'QvRestConnector.exe',
      providerName: 'Qlik® REST Connector',
      sourceProperty: null,
      connectorVersion,
      qriPrefix: 'qri:rest://',
    },
  ],
]);

export const qlikNamesOf = ({ id, category }: Named): QlikNames =>
  byId.get(id) ?? byCategory[category](id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'));

/** The tag of connections that were created by `connectionProperties`. */
export function propertiesTag(source: Named): string {
  const names = qlikNamesOf(source);
  return `DcaasAPI:${names.provider}:${names.connectorVersion}`;
}

/** For some sources, `qType` of a connection and the provider of its statement differ; either is accepted for either. */
export function isProviderOf(source: Named, provider: string): boolean {
  const names = qlikNamesOf(source);
  return [names.provider, names.statementProvider].some(
    (name) => name?.toLowerCase() === provider.toLowerCase(),
  );
}
