import { z } from 'zod';
import { line, property, secret } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';
import { hostProperty, portProperty } from '../../kit/host.js';

// FILL IN: the server's usual port, and what else users enter. One that leads elsewhere `decides`.
export const properties = z.strictObject({
  host: hostProperty,
  port: portProperty(1),
});

// FILL IN: the ways to sign in, by name. What the credential holds is never shown.
export const logins = {
  password: {
    label: 'User name and password',
    fields: {
      username: property(line(256).min(1), {
        title: 'User name',
        description: 'User name on the server.',
        holder: 'credential',
        decides: 'nothing',
      }),
      password: secret(line(1024).min(1), { title: 'Password', description: 'Password of the user.' }),
    },
    required: ['username', 'password'],
  },
} as const;

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
