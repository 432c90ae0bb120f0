import { z } from 'zod';
import { readSigningKey } from '../../kit/private-key.js';
import { revealFile } from '../../kit/secret-fields.js';
import type { ConnectorInput } from '../../spec/connector.js';
import { ConnectorError } from '../../spec/errors.js';
import { type InlineFiles, inlineFilesSchema } from '../../spec/fields.js';
import { Secret } from '../../spec/secret.js';
import type { BigQueryProperties } from './properties.js';

/** What a service account signs in with. */
export interface ServiceAccountKey {
  email: string;
  /** PEM. */
  privateKey: Secret<string>;
  projectId: string | undefined;
}

// Other members are dropped, token_uri among them: a key file must not choose where its secret goes.
const keySchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3).max(320),
  private_key: z.string().startsWith('-----BEGIN '),
  project_id: z.string().optional(),
});

const remedy = 'Create a JSON key for the service account and give the whole file.';

function jsonOf(file: InlineFiles[number]): string {
  const text = file.value.trim();
  if (text.startsWith('{')) return text;
  const bytes = Buffer.from(text, 'base64');
  const decoded = bytes.toString('utf8').trim();
  if (decoded.startsWith('{')) return decoded;
  // PKCS#12 is an ASN.1 SEQUENCE.
  const isP12 = /\.(p12|pfx)$/i.test(file.name) || bytes[0] === 0x30;
  const message = isP12 ? 'P12 keys are not supported.' : 'The key file is neither JSON nor base64 of JSON.';
  throw new ConnectorError('invalid_config', message, { remedy: remedy });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's message quotes the key.
    throw new ConnectorError('invalid_config', 'The key file is not valid JSON.', { remedy: remedy });
  }
}

/**
 * The key in a key file of Google's.
 * @throws ConnectorError `invalid_config` when it is no JSON key of a service account, or its key cannot sign
 */
function readKeyFile(file: InlineFiles[number]): ServiceAccountKey {
  const key = keySchema.safeParse(parsed(jsonOf(file)));
  if (!key.success) {
    throw new ConnectorError('invalid_config', 'The key file is no key of a service account.', {
      remedy: remedy,
    });
  }
  const { client_email: email, private_key: privateKey, project_id: projectId } = key.data;
  const read = readSigningKey(privateKey);
  if ('problem' in read || read.algorithm !== 'RS256') {
    const problem = 'problem' in read ? read.problem : 'is no RSA key';
    throw new ConnectorError('invalid_config', `The private key of the key file ${problem}.`, {
      remedy: remedy,
    });
  }
  return { email, privateKey: new Secret(privateKey), projectId };
}

/** The property: what cannot sign in is refused where it is given. */
export const keyFileSchema = inlineFilesSchema.min(1).superRefine(([file], context) => {
  try {
    if (file) readKeyFile(file);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    context.addIssue({ code: 'custom', message: `is of no use. ${error.message} ${remedy}` });
  }
});

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
  const file = revealFile(fields, 'KeyFilePath');
  if (!file) throw new ConnectorError('auth_failed', 'The credential has no key file.', { remedy: remedy });
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
