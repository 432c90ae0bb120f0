import { z } from 'zod';
import { presetAt } from '../../interface/provider.js';
import type { OAuthPreset } from '../../interface/sign-in.js';
import type { LegacyManifest } from '../../kit/legacy-source.js';
import { provider as google } from '../../providers/google.js';
import { credentialConflicts, targets } from './credentials.js';
import { propertiesSchema, scope } from './properties.js';

const signIn: OAuthPreset = { ...presetAt(google), scopes: [scope] };

const endpoint = z.url({ protocol: /^https?$/ });

const settingsSchema = z.object({
  apiEndpoint: endpoint.describe('BigQuery API of a private cloud, instead of Google’s.'),
  tokenEndpoint: endpoint.describe('Token endpoint for service account keys, instead of Google’s.'),
});

/** Google BigQuery, through Google's own client. */
export const manifest: LegacyManifest = {
  id: 'gbq',
  name: 'Google BigQuery',
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
  settings: settingsSchema,
  credentialConflicts,
  signIns: [
    {
      id: 'google-oauth',
      label: 'Sign in with Google',
      when: { OAuthMechanism: '1' },
      fields: [],
      required: [],
      requiredProperties: ['Catalog'],
      oauth: { grant: 'authorization_code', preset: () => signIn },
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
      'BigQuery has no read-only session: a query runs only if a dry run reports a SELECT statement. ' +
        'A SELECT that calls a remote function or EXTERNAL_QUERY may still have effects there; grant read roles only.',
      'Tables are read with tabledata.list, which is free but not available for tables with row access policies; ' +
        'views, external tables and queries are billed.',
      'A TIMESTAMP with twelve fractional digits is refused, because the last six would be lost; cast it to STRING.',
      'A P12 key is opened when it is used, not when it is entered.',
    ],
  },
  target: ['Catalog'],
  targets,
  load: () => import('./connector.js'),
};
