import { connectionSecretNames, selectSignIn } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { revealed, Secret } from '@mooring/connectors/spec/secret';
import type { CreateConnectionBody, PostConnectionBody } from '@mooring/contract/routes/data-connections';
import { loginPair, loginProperties } from '../../broker/login-pair.js';
import type { Catalogue } from '../../catalogue/catalogue.js';
import { propertiesOfStatement } from '../../catalogue/connect-statement.js';
import { InvalidRequest } from '../../http/app-error.js';

// Qlik's `ConnectionCreate`, the body by connect statement, as the body by properties.

const invalid = (field: string, message: string) => new InvalidRequest([{ field, message }]);

function assertType(manifest: SourceManifest, qType: string | undefined): void {
  if (!qType) throw invalid('qType', 'is required with qConnectStatement');
  const names = [manifest.provider, manifest.statementProvider].map((name) => name?.toLowerCase());
  if (!names.includes(qType.toLowerCase()))
    throw invalid('qType', `must be ${manifest.provider}, the provider of ${manifest.id}`);
}

/** Adds what the request says beside the statement; where the statement says something else, it is refused. */
function combined(
  properties: Record<string, unknown>,
  additions: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const [name, value] of Object.entries(additions)) {
    const stated = properties[name];
    if (stated !== undefined && stated !== revealed(value))
      throw invalid('qConnectStatement', `says something else about ${name} than the rest of the request`);
  }
  return { ...properties, ...additions };
}

/**
 * The secret that a connection of this source keeps itself: that of its OAuth client, or the only one there is. Clients
 * send it for every source; where connections keep none it is passed over.
 */
function connectionSecret(
  manifest: SourceManifest,
  stated: Readonly<Record<string, unknown>>,
  secret: Secret<string>,
): Record<string, unknown> {
  const ofClient = selectSignIn(manifest, stated).oauth?.clientFields?.clientSecret;
  if (ofClient !== undefined) return { [ofClient]: secret };
  const names = connectionSecretNames(manifest);
  const [name] = names;
  return name === undefined || names.length > 1 ? {} : { [name]: secret };
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

/**
 * The request as one by properties. `connectionProperties` win where both are given, as in a connection that was
 * read and is sent back.
 * @throws InvalidRequest, AppError DCAAS-2001
 */
export function byProperties(catalogue: Catalogue, body: PostConnectionBody): CreateConnectionBody {
  const { connectionProperties, qConnectStatement } = body;
  if (connectionProperties !== undefined) return { ...body, connectionProperties };
  if (qConnectStatement === undefined)
    throw invalid('connectionProperties', 'is required, or qConnectStatement instead');
  const manifest = catalogue.get(body.datasourceID);
  assertType(manifest, body.qType);
  const stated = propertiesOfStatement(manifest, qConnectStatement);
  const login = loginPair({ qUsername: body.qUsername || undefined, qPassword: body.qPassword || undefined });
  const hasLogin = login.qUsername !== undefined || login.qPassword !== undefined;
  const additions = {
    ...credentialChoice(body, stated['separateCredentials']),
    ...(hasLogin ? loginProperties(selectSignIn(manifest, stated), login) : {}),
    ...(body.qConnectionSecret ? connectionSecret(manifest, stated, new Secret(body.qConnectionSecret)) : {}),
  };
  return { ...body, connectionProperties: combined(stated, additions) };
}
