import type { ConnectorInput } from '../../spec/connector.js';
import { ConnectorError } from '../../spec/errors.js';
import type { InlineFiles } from '../../spec/fields.js';
import { keyFileRemedy, readKeyFile, type ServiceAccountKey } from './key-file.js';
import type { BigQueryProperties } from './properties.js';

/** Where the operator's settings, or else Google, have the two endpoints. The user's key never says. */
export interface Endpoints {
  api: URL;
  token: URL;
}

/**
 * The service account key of a login.
 * @throws ConnectorError `auth_failed` when there is none, `invalid_config` when it is no JSON key of a service
 * account or belongs to another account than `Email`.
 */
export function serviceAccountKey(fields: Readonly<Record<string, unknown>>): ServiceAccountKey {
  const file = (fields['KeyFilePath'] as InlineFiles | undefined)?.[0];
  if (!file) throw new ConnectorError('auth_failed', 'The credential has no key file.', { remedy: keyFileRemedy });
  const key = readKeyFile(file);
  const { email } = key;
  const wanted = fields['Email'];
  if (typeof wanted === 'string' && wanted !== '' && wanted.toLowerCase() !== email.toLowerCase()) {
    throw new ConnectorError('invalid_config', 'The key file belongs to another account than Email names.');
  }
  return key;
}

/**
 * The project whose datasets are listed and which pays.
 * @throws ConnectorError `invalid_config` when neither the connection nor the key names one.
 */
export function projectOf(properties: BigQueryProperties, key: ServiceAccountKey | undefined): string {
  const project = properties.Catalog ?? key?.projectId ?? '';
  if (!/^[a-z0-9.:-]{1,128}$/.test(project)) {
    throw new ConnectorError('invalid_config', 'The connection names no project.', {
      remedy: 'Set Catalog to the id of the Google Cloud project.',
    });
  }
  return project;
}

/** The endpoints that the settings name, `apiEndpoint` and `tokenEndpoint`, else Google's. */
export function endpointsOf(settings: Readonly<Record<string, string>>): Endpoints {
  return {
    api: new URL(settings['apiEndpoint'] ?? 'https://bigquery.googleapis.com'),
    token: new URL(settings['tokenEndpoint'] ?? 'https://oauth2.googleapis.com/token'),
  };
}

/** True when the login is a service account and not a person's Google sign-in. */
export function usesServiceAccount(input: Pick<ConnectorInput, 'properties'>): boolean {
  return String(input.properties['OAuthMechanism'] ?? '0') === '0';
}
