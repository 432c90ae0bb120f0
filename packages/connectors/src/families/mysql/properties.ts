import { z } from 'zod';
import { property } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';
import {
  certificateOrPassword,
  databaseNameSchema,
  hostProperty,
  mutualTls,
  portProperty,
  tlsProperties,
} from '../sql/properties.js';

export const mySqlProperties = z.strictObject({
  host: hostProperty,
  port: portProperty(3306),
  database: property(databaseNameSchema.optional(), {
    title: 'Database',
    description: 'Default database for table names in queries. Browsing shows all databases.',
    decides: 'nothing',
  }),
  treatTinyAsBoolean: property(z.boolean().optional(), {
    title: 'tinyint(1) as boolean',
    description:
      'Return tinyint(1) columns, in which MySQL stores booleans, as true and false instead of 1 and 0. A column with any other number is refused by name.',
    decides: 'nothing',
  }),
  ...tlsProperties,
  ...mutualTls,
});

/** The driver takes no PKCS#12. */
export const mySqlLogins = certificateOrPassword({ onlyPem: true });

export const mySqlSettings = z.strictObject({});

/** What a connector of this family receives. */
export type MySqlInput = InputOf<typeof mySqlProperties, typeof mySqlLogins, typeof mySqlSettings>;
