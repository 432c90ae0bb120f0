import { z } from 'zod';
import { line, property, secret } from '../../interface/fields.js';
import type { Values } from '../../interface/login.js';
import type { OAuthPreset } from '../../interface/sign-in.js';
import { httpUrl } from '../http/urls.js';

// What services over HTTP have in common that know a token, and a sign-in on their own page.

/** Properties of the definition. */
export const apiProperties = (api: { url: string; urls: string; scope: string; scopes: string }) => ({
  url: property(httpUrl().default(api.url), {
    title: 'API URL',
    description: api.urls,
    decides: 'address',
    dials: 'url',
  }),
  authSchema: property(z.enum(['token', 'oauth2']).default('token'), {
    title: 'Sign-in',
    description: 'How users sign in: with a token, or on a page of the service (oauth2).',
  }),
  scope: property(line(1024).default(api.scope), { title: 'Scope', description: api.scopes }),
  clientId: property(line(512), {
    title: 'Client id',
    description: 'Of your OAuth registration at the service. Optional if the operator has set up a client.',
  }).optional(),
});

/** Of the OAuth client of a connection. */
export const apiClientSecrets = {
  clientSecret: property(line(4096), {
    title: 'Client secret',
    description: 'Of your OAuth registration at the service; sealed with the connection.',
    secret: true,
  }).optional(),
};

/** The sign-in methods for these properties. */
export const apiLogins = (
  preset: (definition: Values) => OAuthPreset,
  { label, description, title }: { label: string; title: string; description: string },
) =>
  ({
    oauth2: {
      label,
      when: { authSchema: 'oauth2' },
      fields: {},
      required: [],
      oauth: {
        grant: 'authorization_code',
        preset,
        clientFields: { clientId: 'clientId', clientSecret: 'clientSecret', tokensGoTo: 'url' },
      },
    },
    token: {
      label: title,
      fields: { token: secret(line(4096).min(1), { title, description }) },
      required: ['token'],
    },
  }) as const;
