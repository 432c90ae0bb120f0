import { z } from 'zod';
import { line, property } from '../../interface/fields.js';
import { keyFileSchema } from './credentials.js';

/** All properties of a BigQuery connection, strict. Names are Qlik's; Location and maximumBytesBilled are ours. */
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
      description:
        'Id of the project that holds the datasets and pays for queries. Default: the project of the key.',
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
      description: 'Where queries run, for instance EU or europe-west4. Default: BigQuery decides.',
      decides: 'nothing',
    },
  ).optional(),
  maximumBytesBilled: property(z.int().min(1), {
    title: 'Bytes billed at most',
    description: 'BigQuery rejects a query that would bill more bytes, without charge. Default: no limit.',
    decides: 'nothing',
  }).optional(),
  Email: property(line(320), {
    title: 'Service account',
    description: 'Email of the service account; a JSON key names it, a P12 key does not.',
    holder: 'credential',
  }).optional(),
  KeyFilePath: property(keyFileSchema, {
    title: 'Key file',
    description:
      'Key of the service account: JSON, as text or base64, or P12 as base64. Its token_uri is not used.',
    secret: true,
    holder: 'credential',
  }).optional(),
  P12CustomPwd: property(z.string().max(1024), {
    title: 'P12 password',
    description: 'Password of a P12 key file. Default: notasecret, as in Google’s files.',
    secret: true,
    holder: 'credential',
  }).optional(),
});

/** Definition of a BigQuery connection with defaults applied. */
export type BigQueryProperties = z.infer<typeof propertiesSchema>;

/** The scope of both sign-ins: BigQuery has none that allows queries but not writes. */
export const scope = 'https://www.googleapis.com/auth/bigquery';
