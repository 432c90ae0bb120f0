import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { revealed, Secret } from '@mooring/connectors/interface/secret';
import { withStoredCertificates } from '@mooring/connectors/kit/certificates';
import { connectionSecretNames, selectSignIn, withDefaults } from '@mooring/connectors/kit/properties';
import { writeConnectStatement } from '@mooring/connectors/qlik/connect-statement';
import { isProviderOf, qlikNamesOf } from '@mooring/connectors/qlik/names';
import type { CreateConnectionBody, PostConnectionBody } from '@mooring/contract/routes/data-connections';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import { propertiesOfStatement, sourceNamedIn } from '../../../core/catalogue/connect-statement.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import { type LoginPair, loginPair, loginProperties } from '../../../core/credentials/records.js';
import { invalidField } from '../../../core/errors/app-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';

// Qlik's forms of a connection's properties: the connect statement, `qUsername` and `qPassword`, `qConnectionSecret`.

type Properties = Readonly<Record<string, unknown>>;

/** What requests have set of the stored definition, in the form of a request; never a secret. */
export function propertiesOf(manifest: SourceManifest, row: ConnectionTable): Record<string, unknown> {
  const definition = setDefinition(manifest, row);
  return row.separated === 1 ? { ...definition, separateCredentials: true } : definition;
}

export const statementOf = (row: ConnectionTable, manifest: SourceManifest): string =>
  writeConnectStatement(manifest, setDefinition(manifest, row), row.separated === 1);

/** The properties of a statement. One that came from a list lacks the certificates, so the stored ones are kept. */
export const restatedProperties = (row: ConnectionTable, manifest: SourceManifest, statement: string) =>
  withStoredCertificates(manifest, propertiesOfStatement(manifest, statement), propertiesOf(manifest, row));

const methodOf = (manifest: SourceManifest, properties: Properties) =>
  selectSignIn(manifest, withDefaults(manifest, properties));

/** Adds `qUsername` and `qPassword` as properties. @throws InvalidRequest when the properties hold them too */
export function withLogin(
  manifest: SourceManifest,
  properties: Record<string, unknown>,
  login: LoginPair,
): Record<string, unknown> {
  if (login.qUsername === undefined && login.qPassword === undefined) return properties;
  const extra = loginProperties(methodOf(manifest, properties), login);
  const twice = Object.keys(extra).find((name) => properties[name] !== undefined);
  if (twice) throw invalidField('qPassword', `and connectionProperties.${twice} cannot both be given`);
  return { ...properties, ...extra };
}

/** The header that names the secret members of a request that were ignored. */
export const ignoredHeader = (names: readonly string[]): { headers?: Record<string, string> } =>
  names.length === 0 ? {} : { headers: { 'mooring-passed-over': names.join(', ') } };

/** The property of a connection's own secret: the client secret of its OAuth client, or the data source's only one. */
function secretProperty(manifest: SourceManifest, properties: Properties): string | undefined {
  const { oauth } = methodOf(manifest, properties);
  if (oauth?.clientFields) return oauth.clientFields.clientSecret;
  const names = connectionSecretNames(manifest);
  return names.length === 1 ? names[0] : undefined;
}

/**
 * `qConnectionSecret` as a property. Qlik's clients send it for every data source; for one whose connections keep no
 * secret it is ignored, and the answer tells so: see {@link ignoredHeader}.
 * @throws InvalidRequest for an empty one, which in Qlik Cloud removes the stored secret
 */
export function connectionSecret(
  manifest: SourceManifest,
  properties: Properties,
  secret: string | undefined,
): { properties: Record<string, unknown>; ignored: string[] } {
  if (secret === undefined) return { properties: {}, ignored: [] };
  const name = secretProperty(manifest, properties);
  if (name === undefined) return { properties: {}, ignored: secret === '' ? [] : ['qConnectionSecret'] };
  if (secret === '')
    throw invalidField('qConnectionSecret', 'cannot be removed alone: leave it out to keep it');
  return { properties: { [name]: new Secret(secret) }, ignored: [] };
}

/** The data source of a body by statement. Clients also send existing connections without `datasourceID`. */
function sourceOf(
  catalogue: Catalogue,
  { datasourceID, qType }: PostConnectionBody,
  statement: string,
): SourceManifest {
  const id = datasourceID ?? sourceNamedIn(catalogue, statement);
  if (id === undefined)
    throw invalidField('datasourceID', 'is required: the connect statement does not name its data source');
  const manifest = catalogue.get(id);
  if (qType && !isProviderOf(manifest, qType))
    throw invalidField('qType', `must be ${qlikNamesOf(manifest).provider}, the provider of ${manifest.id}`);
  return manifest;
}

/** Adds what the request states beside the statement. @throws InvalidRequest where the two differ */
function combined(properties: Properties, additions: Properties): Record<string, unknown> {
  for (const [name, value] of Object.entries(additions)) {
    const stated = properties[name];
    if (stated !== undefined && stated !== revealed(value))
      throw invalidField('qConnectStatement', `contradicts the rest of the request about ${name}`);
  }
  return { ...properties, ...additions };
}

function credentialChoice(body: PostConnectionBody, stated: unknown): Record<string, unknown> {
  const selected = body.qCredentialsID || undefined;
  const isSeparated = body.qSeparateCredentials ?? (selected === undefined ? undefined : (stated ?? true));
  if (selected !== undefined && isSeparated !== true)
    throw invalidField(
      'qCredentialsID',
      'needs qSeparateCredentials: an embedded credential belongs to its connection',
    );
  return {
    ...(isSeparated === undefined ? {} : { separateCredentials: isSeparated }),
    ...(selected === undefined ? {} : { selectedCredentials: selected }),
    ...(selected === undefined && body.qCredentialsName ? { credentialsName: body.qCredentialsName } : {}),
  };
}

const ofStatements = ['qUsername', 'qPassword', 'qConnectionSecret'] as const;

/**
 * Qlik's `ConnectionCreate`, the body by connect statement, as one by properties. `connectionProperties` take
 * precedence over the statement: a connection that was read and is sent back has both.
 * @returns also the names of secret members that are ignored
 * @throws InvalidRequest, AppError DCAAS-2001
 */
export function byProperties(
  catalogue: Catalogue,
  body: PostConnectionBody,
): { body: CreateConnectionBody; ignored: string[] } {
  const { connectionProperties, qConnectStatement, datasourceID } = body;
  if (connectionProperties !== undefined) {
    if (datasourceID === undefined) throw invalidField('datasourceID', 'is required');
    return {
      body: { ...body, datasourceID, connectionProperties },
      ignored: ofStatements.filter((name) => body[name]),
    };
  }
  if (qConnectStatement === undefined)
    throw invalidField('connectionProperties', 'is required, or qConnectStatement instead');
  const manifest = sourceOf(catalogue, body, qConnectStatement);
  const stated = propertiesOfStatement(manifest, qConnectStatement);
  const login = loginPair({ qUsername: body.qUsername || undefined, qPassword: body.qPassword || undefined });
  const method = methodOf(manifest, stated);
  const { properties, ignored } = connectionSecret(manifest, stated, body.qConnectionSecret || undefined);
  const additions = {
    ...credentialChoice(body, stated['separateCredentials']),
    ...loginProperties(method, login),
    ...properties,
  };
  const connection = combined(stated, additions);
  return { body: { ...body, datasourceID: manifest.id, connectionProperties: connection }, ignored };
}
