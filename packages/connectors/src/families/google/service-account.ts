import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { ConnectorError } from '../../interface/errors.js';
import { type InlineFiles, inlineFilesSchema, line, property, secret } from '../../interface/fields.js';
import type { Values } from '../../interface/login.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import type { Secret } from '../../interface/secret.js';
import { isP12, privateKeyOfP12 } from '../../kit/p12-key.js';
import { readSigningKey } from '../../kit/private-key.js';

// Sign-in by the key of a service account, for all sources of Google: Qlik's property names.

/** What a service account signs in with. A key prints itself nowhere. */
export interface ServiceAccountKey {
  email: string;
  privateKey: KeyObject;
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

const unusable = (message: string, toDo?: string) =>
  new ConnectorError('invalid_config', message, toDo === undefined ? {} : { remedy: toDo });

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
  throw unusable(message, remedy);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's message quotes the key.
    throw unusable('The key file is not valid JSON.', remedy);
  }
}

/** @throws ConnectorError `invalid_config` when the key cannot sign */
function signingKey(pem: string): KeyObject {
  const read = readSigningKey(pem);
  if (!('problem' in read) && read.algorithm === 'RS256') return read.key;
  const problem = 'problem' in read ? read.problem : 'is not an RSA key';
  throw unusable(`The private key of the key file ${problem}.`, remedy);
}

/** @throws ConnectorError `invalid_config` when it is not the key of a service account, or cannot sign */
function jsonKeyOf(json: string): ServiceAccountKey {
  const key = keySchema.safeParse(parsed(json));
  if (!key.success) throw unusable('The key file is not a service account key.', remedy);
  const { client_email: email, private_key, project_id: projectId } = key.data;
  return { email, privateKey: signingKey(private_key), projectId };
}

/** A JSON key that cannot sign is refused when it is entered; a P12 file is opened only when it is used. */
const keyFileSchema = inlineFilesSchema.min(1).superRefine(([file], context) => {
  try {
    const key = file && keyIn(file);
    if (key && 'json' in key) jsonKeyOf(key.json);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    context.addIssue({ code: 'custom', message: `cannot be used. ${error.message} ${remedy}` });
  }
});

const emailIsNeeded = 'A P12 key does not name its account: Email must name the service account.';

/** A P12 key without its account. */
function conflicts({ KeyFilePath, Email = '' }: Values): PropertyProblem[] {
  const [file] = (KeyFilePath as InlineFiles | undefined) ?? [];
  if (!file || Email !== '' || !('p12' in keyIn(file))) return [];
  return [{ property: 'Email', message: `is required. ${emailIsNeeded}` }];
}

export const serviceAccountLogin = {
  label: 'Service account key',
  fields: {
    Email: property(line(320), {
      title: 'Service account',
      description: 'Email of the service account; a JSON key names it, a P12 key does not.',
      holder: 'credential',
    }).optional(),
    KeyFilePath: secret(keyFileSchema, {
      title: 'Key file',
      description:
        'Key of the service account: JSON, as text or base64, or P12 as base64. Its token_uri is not used.',
    }),
    P12CustomPwd: secret(z.string().max(1024), {
      title: 'P12 password',
      description: 'Password of a P12 key file. Default: notasecret, as in Google’s files.',
    }).optional(),
  },
  required: ['KeyFilePath'],
  conflicts,
};

/**
 * The key of a login.
 * @throws ConnectorError `auth_failed` for a wrong password, `invalid_config` when it is not a service account's key or
 * belongs to a different account than `Email`
 */
export async function serviceAccountKey({
  Email: wanted = '',
  KeyFilePath,
  P12CustomPwd,
}: {
  Email?: string | undefined;
  KeyFilePath: Secret<InlineFiles>;
  P12CustomPwd?: Secret<string> | undefined;
}): Promise<ServiceAccountKey> {
  const [file] = KeyFilePath.reveal();
  const found = keyIn(file as InlineFiles[number]);
  if ('p12' in found) {
    if (wanted === '') throw unusable(emailIsNeeded, 'Give Email.');
    const pem = await privateKeyOfP12(found.p12, P12CustomPwd?.reveal());
    return { email: wanted, privateKey: signingKey(pem.reveal()), projectId: undefined };
  }
  const key = jsonKeyOf(found.json);
  if (wanted !== '' && wanted.toLowerCase() !== key.email.toLowerCase())
    throw unusable('The key file belongs to a different account than Email names.');
  return key;
}
