import { z } from 'zod';
import { readSigningKey } from '../../kit/private-key.js';
import { ConnectorError } from '../../spec/errors.js';
import { type InlineFiles, inlineFilesSchema } from '../../spec/fields.js';

/** What a service account signs in with. */
export interface ServiceAccountKey {
  email: string;
  /** PEM. */
  privateKey: string;
  projectId: string | undefined;
}

// Other members are dropped, token_uri among them: a key file must not choose where its secret goes.
const keySchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3).max(320),
  private_key: z.string().startsWith('-----BEGIN '),
  project_id: z.string().optional(),
});

export const keyFileRemedy = 'Create a JSON key for the service account and give the whole file.';

function jsonOf(file: InlineFiles[number]): string {
  const text = file.value.trim();
  if (text.startsWith('{')) return text;
  const bytes = Buffer.from(text, 'base64');
  const decoded = bytes.toString('utf8').trim();
  if (decoded.startsWith('{')) return decoded;
  // PKCS#12 is an ASN.1 SEQUENCE.
  const isP12 = /\.(p12|pfx)$/i.test(file.name) || bytes[0] === 0x30;
  const message = isP12 ? 'P12 keys are not supported.' : 'The key file is neither JSON nor base64 of JSON.';
  throw new ConnectorError('invalid_config', message, { remedy: keyFileRemedy });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's message quotes the key.
    throw new ConnectorError('invalid_config', 'The key file is not valid JSON.', { remedy: keyFileRemedy });
  }
}

/**
 * The key in a key file of Google's.
 * @throws ConnectorError `invalid_config` when it is no JSON key of a service account, or its key cannot sign
 */
export function readKeyFile(file: InlineFiles[number]): ServiceAccountKey {
  const key = keySchema.safeParse(parsed(jsonOf(file)));
  if (!key.success) {
    throw new ConnectorError('invalid_config', 'The key file is no key of a service account.', {
      remedy: keyFileRemedy,
    });
  }
  const { client_email: email, private_key: privateKey, project_id: projectId } = key.data;
  const read = readSigningKey(privateKey);
  if ('problem' in read || read.algorithm !== 'RS256') {
    const problem = 'problem' in read ? read.problem : 'is no RSA key';
    throw new ConnectorError('invalid_config', `The private key of the key file ${problem}.`, {
      remedy: keyFileRemedy,
    });
  }
  return { email, privateKey, projectId };
}

/** The property: what cannot sign in is refused where it is given. */
export const keyFileSchema = inlineFilesSchema.min(1).superRefine(([file], context) => {
  try {
    if (file) readKeyFile(file);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    context.addIssue({ code: 'custom', message: `is of no use. ${error.message} ${keyFileRemedy}` });
  }
});
