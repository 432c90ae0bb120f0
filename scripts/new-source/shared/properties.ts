import { z } from 'zod';
import { httpUrl } from '../../families/http/urls.js';
import { line, property, secret } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';

// FILL IN: what users enter, visible to all users of the connection. One that leads elsewhere `decides`.
export const properties = z.strictObject({
  url: property(httpUrl(), {
    title: 'URL',
    description: 'Address of the service, for instance https://api.example.com/v1.',
    decides: 'address',
    dials: 'url',
  }),
});

// FILL IN: the ways to sign in, by name. What the credential holds is never shown.
export const logins = {
  token: {
    label: 'Token',
    fields: {
      token: secret(line(4096).min(1), { title: 'Token', description: 'Access token of the user.' }),
    },
    required: ['token'],
  },
} as const;

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
