import { z } from 'zod';
import {
  databaseNameSchema,
  hostProperty,
  passwordLogin,
  portProperty,
  tlsProperties,
} from '../../families/sql/properties.js';
import { property } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';

// FILL IN: the server's usual port, and what else users enter. One that leads elsewhere `decides`.
export const properties = z.strictObject({
  host: hostProperty,
  port: portProperty(1),
  database: property(databaseNameSchema, {
    title: 'Database',
    description: 'Name of the database.',
    decides: 'nothing',
  }),
  ...tlsProperties,
});

export const logins = { password: passwordLogin };

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
