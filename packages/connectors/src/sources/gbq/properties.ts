import { z } from 'zod';
import { line, property } from '../../spec/fields.js';
import { keyFileSchema } from './credentials.js';

const p12Hint = 'is not supported: create a JSON key for the service account and give it as KeyFilePath';

/** Every property of a BigQuery connection, strict. Names are Qlik's; Location and maximumBytesBilled are ours. */
export const propertiesSchema = z.strictObject({
  OAuthMechanism: property(z.enum(['0', '1']).default('0'), {
    title: 'Sign-in',
    description: '0: key of a service account. 1: interactive sign-in with Google.',
  }),
  Catalog: property(
    z
      .string()
      .max(128)
      .regex(/^[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?$/, 'must be the id of a Google Cloud project'),
    {
      title: 'Project',
      description: 'Id of the project that holds the datasets and pays for queries; absent: that of the key.',
      decides: 'nothing',
      placeholder: 'my-project',
    },
  ).optional(),
  Location: property(
    z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9-]+$/, 'must be a BigQuery location such as EU'),
    {
      title: 'Location',
      description: 'Where queries run, for instance EU or europe-west4; absent: BigQuery decides.',
      decides: 'nothing',
    },
  ).optional(),
  maximumBytesBilled: property(z.int().min(1), {
    title: 'Bytes billed at most',
    description: 'BigQuery fails a query that would bill more bytes, without a charge. Absent: no limit.',
    decides: 'nothing',
  }).optional(),
  Email: property(line(320), {
    title: 'Service account',
    description: 'E-mail of the service account; when given it must be that of the key.',
    holder: 'credential',
  }).optional(),
  KeyFilePath: property(keyFileSchema, {
    title: 'Key file',
    description: 'JSON key of the service account, as text or base64. Its token_uri is not used.',
    secret: true,
    holder: 'credential',
  }).optional(),
  P12CustomPwd: property(z.string().max(0, p12Hint), {
    title: 'P12 password',
    description: 'Accepted empty only: P12 keys are not supported.',
    secret: true,
    holder: 'credential',
  }).optional(),
});

/** Definition of a BigQuery connection with defaults applied. */
export type BigQueryProperties = z.infer<typeof propertiesSchema>;

/** The scope of both sign-ins: BigQuery has none that allows queries and refuses writes. */
export const scope = 'https://www.googleapis.com/auth/bigquery';
