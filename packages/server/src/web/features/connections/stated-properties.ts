import { withStoredCertificates } from '@mooring/connectors/kit/certificates';
import { writeConnectStatement } from '@mooring/connectors/kit/connect-statement';
import { selectSignIn, withDefaults } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { propertiesOfStatement } from '../../../core/catalogue/connect-statement.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import { type LoginPair, loginProperties } from '../../../core/credentials/records.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { propertiesOf } from './update-connection.js';

// Qlik's forms of a connection's properties, for PUT and PATCH: the connect statement, `qUsername` and `qPassword`.

export const statementOf = (row: ConnectionTable, manifest: SourceManifest): string =>
  writeConnectStatement(manifest, setDefinition(manifest, row), row.separated === 1);

/** The properties of a statement. One that came from a list lacks the certificates, so the stored ones are kept. */
export const restatedProperties = (
  row: ConnectionTable,
  manifest: SourceManifest,
  statement: string,
): Record<string, unknown> =>
  withStoredCertificates(manifest, propertiesOfStatement(manifest, statement), propertiesOf(manifest, row));

/** Adds `qUsername` and `qPassword` as properties. @throws InvalidRequest when the properties hold them too */
export function withLogin(
  manifest: SourceManifest,
  properties: Record<string, unknown>,
  login: LoginPair,
): Record<string, unknown> {
  if (login.qUsername === undefined && login.qPassword === undefined) return properties;
  const method = selectSignIn(manifest, withDefaults(manifest, properties));
  const extra = loginProperties(method, login);
  const twice = Object.keys(extra).find((name) => properties[name] !== undefined);
  if (twice)
    throw new InvalidRequest([
      { field: 'qPassword', message: `and connectionProperties.${twice} cannot both be given` },
    ]);
  return { ...properties, ...extra };
}
