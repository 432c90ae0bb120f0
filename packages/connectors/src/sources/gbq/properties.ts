import { z } from 'zod';
import { serviceAccountLogin } from '../../families/google/service-account.js';
import { property } from '../../interface/fields.js';
import { presetAt } from '../../interface/provider.js';
import type { OAuthSignIn } from '../../interface/sign-in.js';
import type { InputOf } from '../../interface/source.js';
import { provider as google } from '../../providers/google.js';

/** The scope of both sign-ins: BigQuery has none that allows queries but not writes. */
export const scope = 'https://www.googleapis.com/auth/bigquery';

/** Safe in a path. */
export const projectId = /^[a-z0-9](?:[a-z0-9.:-]{0,126}[a-z0-9])?$/;

/** Names are Qlik's; Location and maximumBytesBilled are ours. */
export const properties = z.strictObject({
  OAuthMechanism: property(z.enum(['0', '1']).default('0'), {
    title: 'Sign-in',
    description: '0: key of a service account. 1: interactive sign-in with Google.',
  }),
  Catalog: property(z.string().regex(projectId, 'must be the id of a Google Cloud project'), {
    title: 'Project',
    description:
      'Id of the project that holds the datasets and pays for queries. Default: the project of the key.',
    decides: 'nothing',
    placeholder: 'my-project',
  }).optional(),
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
});

const oauth: OAuthSignIn = {
  grant: 'authorization_code',
  preset: () => ({ ...presetAt(google), scopes: [scope] }),
};

export const logins = {
  'google-oauth': {
    label: 'Sign in with Google',
    when: { OAuthMechanism: '1' },
    fields: {},
    required: [],
    needs: [['Catalog']],
    oauth,
  },
  'service-account': serviceAccountLogin,
};

const endpoint = z.url({ protocol: /^https?$/ });

export const settings = z.strictObject({
  apiEndpoint: endpoint.describe('BigQuery API of a private cloud, instead of Google’s.').optional(),
  tokenEndpoint: endpoint
    .describe('Token endpoint for service account keys, instead of Google’s.')
    .optional(),
});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;

/** From the operator's settings, or else Google's; never from the user's key. */
export const urlsOf = ({ apiEndpoint, tokenEndpoint }: Input['settings']) => ({
  api: new URL(apiEndpoint ?? 'https://bigquery.googleapis.com'),
  token: new URL(tokenEndpoint ?? 'https://oauth2.googleapis.com/token'),
});
