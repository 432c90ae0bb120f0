import { z } from 'zod';
import { targetOf } from '../../families/http/exchange.js';
import type { ConnectorInput, Target } from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import { type InlineFiles, inlineFilesSchema } from '../../interface/fields.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import { Secret } from '../../interface/secret.js';
import { isP12, privateKeyOfP12 } from '../../kit/p12-key.js';
import { readSigningKey } from '../../kit/private-key.js';
import { revealFile, revealText } from '../../kit/secret-fields.js';

/** What a service account signs in with. */
export interface ServiceAccountKey {
  email: string;
  /** PEM. */
  privateKey: Secret<string>;
  projectId: string | undefined;
}

// Other members are dropped, including token_uri: a key file must not choose where its secret goes.
const keySchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3).max(320),
  private_key: z.string().startsWith('-----BEGIN '),
  project_id: z.string().optional(),
});

const remedy =
  'Create a JSON key for the service account and provide the complete file, or provide its P12 file as base64.';

/** A P12 key as bytes, a JSON key as text. */
function keyIn(file: InlineFiles[number]): { p12: Buffer } | { json: string } {
  const text = file.value.trim();
  if (text.startsWith('{')) return { json: text };
  const bytes = Buffer.from(text, 'base64');
  if (isP12(bytes)) return { p12: bytes };
  const decoded = bytes.toString('utf8').trim();
  if (decoded.startsWith('{')) return { json: decoded };
  const message = /\.(p12|pfx)$/i.test(file.name)
    ? 'The key file is not a base64-encoded P12 file.'
    : 'The key file is neither JSON nor P12, as text or base64.';
  throw new ConnectorError('invalid_config', message, { remedy });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's message quotes the key.
    throw new ConnectorError('invalid_config', 'The key file is not valid JSON.', { remedy });
  }
}

/** @throws ConnectorError `invalid_config` when the key cannot sign */
function assertSigns(privateKey: Secret<string>): void {
  const read = readSigningKey(privateKey.reveal());
  if (!('problem' in read) && read.algorithm === 'RS256') return;
  const problem = 'problem' in read ? read.problem : 'is not an RSA key';
  throw new ConnectorError('invalid_config', `The private key of the key file ${problem}.`, { remedy });
}

/**
 * The key in a Google JSON key file.
 * @throws ConnectorError `invalid_config` when it is not a JSON key of a service account, or its key cannot sign
 */
function readJsonKey(json: string): ServiceAccountKey {
  const key = keySchema.safeParse(parsed(json));
  if (!key.success) {
    throw new ConnectorError('invalid_config', 'The key file is not a service account key.', { remedy });
  }
  const { client_email: email, private_key, project_id: projectId } = key.data;
  const privateKey = new Secret(private_key);
  assertSigns(privateKey);
  return { email, privateKey, projectId };
}

/**
 * The key file property. A JSON key that cannot sign is refused when it is entered; a P12 file is opened only when it
 * is used.
 */
export const keyFileSchema = inlineFilesSchema.min(1).superRefine(([file], context) => {
  try {
    const key = file && keyIn(file);
    if (key && 'json' in key) readJsonKey(key.json);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    context.addIssue({ code: 'custom', message: `cannot be used. ${error.message} ${remedy}` });
  }
});

/** The two endpoints from the operator's settings, or else Google's. Never from the user's key. */
export interface Endpoints {
  api: URL;
  token: URL;
}

/**
 * The service account key of a login.
 * @throws ConnectorError `auth_failed` when it is missing, `invalid_config` when it is not a service account key or
 * belongs to a different account than `Email`
 */
export async function serviceAccountKey(
  fields: Readonly<Record<string, unknown>>,
): Promise<ServiceAccountKey> {
  const file = revealFile(fields, 'KeyFilePath');
  if (!file) throw new ConnectorError('auth_failed', 'The credential has no key file.', { remedy });
  const found = keyIn(file);
  const wanted = typeof fields['Email'] === 'string' ? fields['Email'] : '';
  if ('p12' in found) {
    if (wanted === '') throw new ConnectorError('invalid_config', emailIsNeeded, { remedy: 'Give Email.' });
    const privateKey = await privateKeyOfP12(found.p12, revealText(fields, 'P12CustomPwd'));
    assertSigns(privateKey);
    return { email: wanted, privateKey, projectId: undefined };
  }
  const key = readJsonKey(found.json);
  if (wanted !== '' && wanted.toLowerCase() !== key.email.toLowerCase()) {
    throw new ConnectorError(
      'invalid_config',
      'The key file belongs to a different account than Email names.',
    );
  }
  return key;
}

const emailIsNeeded = 'A P12 key does not name its account: Email must name the service account.';

/** Conflicts within a credential. */
export function credentialConflicts(credential: Readonly<Record<string, unknown>>): PropertyProblem[] {
  const [file] = (credential['KeyFilePath'] as InlineFiles | undefined) ?? [];
  if (!file || (credential['Email'] ?? '') !== '' || !('p12' in keyIn(file))) return [];
  return [{ property: 'Email', message: `is required. ${emailIsNeeded}` }];
}

/**
 * The project whose datasets are listed and which pays for queries.
 * @throws ConnectorError `invalid_config` when neither the connection nor the key names one
 */
export function projectOf(
  { Catalog }: { Catalog?: string | undefined },
  key: ServiceAccountKey | undefined,
): string {
  const project = Catalog ?? key?.projectId ?? '';
  if (!/^[a-z0-9.:-]{1,128}$/.test(project)) {
    throw new ConnectorError('invalid_config', 'The connection names no project.', {
      remedy: 'Set Catalog to the id of the Google Cloud project.',
    });
  }
  return project;
}

/** The endpoints from the settings `apiEndpoint` and `tokenEndpoint`, else Google's. */
export function endpointsOf(settings: Readonly<Record<string, string>>): Endpoints {
  return {
    api: new URL(settings['apiEndpoint'] ?? 'https://bigquery.googleapis.com'),
    token: new URL(settings['tokenEndpoint'] ?? 'https://oauth2.googleapis.com/token'),
  };
}

/** Whether the login is a service account rather than a user's Google sign-in. */
export function usesServiceAccount(input: Pick<ConnectorInput, 'properties'>): boolean {
  return String(input.properties['OAuthMechanism'] ?? '0') === '0';
}

/** The API, and the token endpoint where a service account signs in. */
export function targets(
  properties: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, string>>,
): readonly Target[] {
  const { api, token } = endpointsOf(settings);
  return usesServiceAccount({ properties }) ? [targetOf(api), targetOf(token)] : [targetOf(api)];
}
