import { z } from 'zod';
import { inlineFilesSchema, line, property } from '../../spec/fields.js';
import type { SourceManifest } from '../../spec/manifest.js';
import type { OAuthPreset } from '../../spec/sign-in.js';

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
  KeyFilePath: property(inlineFilesSchema.min(1), {
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

const google: OAuthPreset = {
  provider: 'google',
  authorizationEndpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
  tokenEndpoint: 'https://oauth2.googleapis.com/token',
  revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
  issuer: 'https://accounts.google.com',
  scopes: [scope],
  authorizationParameters: { prompt: 'consent', access_type: 'offline' },
  clientAuthentication: 'client_secret_post',
};

/** Google BigQuery, through Google's own client. */
export const manifest: SourceManifest = {
  id: 'gbq',
  name: 'Google BigQuery',
  provider: 'QvOdbcConnectorPackage.exe',
  providerName: 'Qlik® ODBC Connector Package',
  sourceProperty: 'driver',
  connectorVersion: '1.0.0',
  category: 'database',
  stage: 'beta',
  links: [
    { title: 'BigQuery REST API', url: 'https://cloud.google.com/bigquery/docs/reference/rest' },
    {
      title: 'Service account keys',
      url: 'https://cloud.google.com/iam/docs/keys-create-delete',
    },
  ],
  icon: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#3b6fd4" stroke-width="2.5" stroke-linecap="round"><path d="M9.5 4.5h13L29 16l-6.500 11.500h-13L3 16z" stroke-linejoin="round"/><circle cx="15" cy="15" r="5.500"/><path d="M19 19l4.500 4.500M13 15v2M15 13v4M17 14.500v2.500"/></svg>',
  properties: propertiesSchema,
  signIns: [
    {
      id: 'google-oauth',
      label: 'Sign in with Google',
      when: { OAuthMechanism: '1' },
      fields: [],
      required: [],
      requiredProperties: ['Catalog'],
      oauth: { grant: 'authorization_code', preset: () => google },
    },
    {
      id: 'service-account',
      label: 'Service account key',
      fields: ['Email', 'KeyFilePath', 'P12CustomPwd'],
      required: ['KeyFilePath'],
    },
  ],
  capabilities: { readPath: true, readQuery: true, readOnlyAtSource: false, browseDepth: 2 },
  evidence: {
    verifiedAgainst: ['@google-cloud/bigquery 8.3 against the lab’s stand-in for the BigQuery REST API'],
    notVerified: ['Google’s own service, which needs an account'],
    limits: [
      'BigQuery has no read-only session: a dry run must say SELECT before a query runs, and nothing else runs. ' +
        'A SELECT that calls a remote function or EXTERNAL_QUERY may still have effects there; grant read roles only.',
      'A table is read by tabledata.list, which costs nothing but is closed to tables with row access policies; ' +
        'views, external tables and queries are billed.',
      'Inside JSON values numbers are IEEE doubles; INT64, NUMERIC and BIGNUMERIC columns are exact.',
      'TIMESTAMP is read to the microsecond. P12 keys are refused.',
    ],
  },
  qriPrefix: 'qri:db:bigquery://',
  load: () => import('./connector.js'),
};
