import { selectSignIn, withDefaults } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { revealed } from '@mooring/connectors/spec/secret';
import type { CreateConnectionBody, PostConnectionBody } from '@mooring/contract/routes/data-connections';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import {
  isProviderOf,
  propertiesOfStatement,
  sourceNamedIn,
} from '../../../core/catalogue/connect-statement.js';
import { loginPair, loginProperties } from '../../../core/credentials/records.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import { connectionSecret } from './connection-secret.js';

// Qlik's `ConnectionCreate`, the body by connect statement, as the body by properties.

const invalid = (field: string, message: string) => new InvalidRequest([{ field, message }]);

/** The data source of a body by statement. Clients also send existing connections without `datasourceID`. */
function sourceOf(
  catalogue: Catalogue,
  { datasourceID, qType }: PostConnectionBody,
  statement: string,
): SourceManifest {
  const id = datasourceID ?? sourceNamedIn(catalogue, statement);
  if (id === undefined)
    throw invalid('datasourceID', 'is required: the connect statement does not name its data source');
  const manifest = catalogue.get(id);
  if (qType && !isProviderOf(manifest, qType))
    throw invalid('qType', `must be ${manifest.provider}, the provider of ${manifest.id}`);
  return manifest;
}

/** Adds what the request states beside the statement. @throws InvalidRequest where the two differ */
function combined(
  properties: Record<string, unknown>,
  additions: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const [name, value] of Object.entries(additions)) {
    const stated = properties[name];
    if (stated !== undefined && stated !== revealed(value))
      throw invalid('qConnectStatement', `contradicts the rest of the request about ${name}`);
  }
  return { ...properties, ...additions };
}

function credentialChoice(body: PostConnectionBody, stated: unknown): Record<string, unknown> {
  const selected = body.qCredentialsID || undefined;
  const isSeparated = body.qSeparateCredentials ?? (selected === undefined ? undefined : (stated ?? true));
  if (selected !== undefined && isSeparated !== true)
    throw invalid(
      'qCredentialsID',
      'needs qSeparateCredentials: an embedded credential belongs to its connection',
    );
  return {
    ...(isSeparated === undefined ? {} : { separateCredentials: isSeparated }),
    ...(selected === undefined ? {} : { selectedCredentials: selected }),
    ...(selected === undefined && body.qCredentialsName ? { credentialsName: body.qCredentialsName } : {}),
  };
}

export interface PropertiesBody {
  body: CreateConnectionBody;
  /** Names of secret members that are ignored. */
  ignored: string[];
}

const ofStatements = ['qUsername', 'qPassword', 'qConnectionSecret'] as const;

/**
 * The request as one by properties. `connectionProperties` take precedence over the statement: a connection that was
 * read and is sent back holds both.
 * @throws InvalidRequest, AppError DCAAS-2001
 */
export function byProperties(catalogue: Catalogue, body: PostConnectionBody): PropertiesBody {
  const { connectionProperties, qConnectStatement } = body;
  if (connectionProperties !== undefined) {
    const { datasourceID } = body;
    if (datasourceID === undefined) throw invalid('datasourceID', 'is required');
    return {
      body: { ...body, datasourceID, connectionProperties },
      ignored: ofStatements.filter((name) => body[name]),
    };
  }
  if (qConnectStatement === undefined)
    throw invalid('connectionProperties', 'is required, or qConnectStatement instead');
  const manifest = sourceOf(catalogue, body, qConnectStatement);
  const stated = propertiesOfStatement(manifest, qConnectStatement);
  const login = loginPair({ qUsername: body.qUsername || undefined, qPassword: body.qPassword || undefined });
  const hasLogin = login.qUsername !== undefined || login.qPassword !== undefined;
  const method = selectSignIn(manifest, withDefaults(manifest, stated));
  const { properties, ignored } = connectionSecret(manifest, stated, body.qConnectionSecret || undefined);
  const additions = {
    ...credentialChoice(body, stated['separateCredentials']),
    ...(hasLogin ? loginProperties(method, login) : {}),
    ...properties,
  };
  const connection = combined(stated, additions);
  return { body: { ...body, datasourceID: manifest.id, connectionProperties: connection }, ignored };
}
