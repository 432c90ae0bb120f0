import { z } from 'zod';
import {
  certificateOrPassword,
  databaseNameSchema,
  hostProperty,
  mutualTls,
  portProperty,
  tlsProperties,
} from '../../families/sql/properties.js';
import { property } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';

export const properties = z.strictObject({
  host: hostProperty,
  port: portProperty(5432),
  db: property(databaseNameSchema, {
    title: 'Database',
    description: 'Name of the database.',
    decides: 'nothing',
  }),
  ...tlsProperties,
  ...mutualTls,
});

export const logins = certificateOrPassword();

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
