import { z } from 'zod';
import { fileSchema } from './config-file.js';

interface Setting {
  name: string;
  default: string;
  meaning: string;
}

export const environmentSettings: readonly Setting[] = [
  { name: 'MOORING_HOST', default: '127.0.0.1', meaning: 'Address to listen on (`--host`).' },
  { name: 'MOORING_PORT', default: '8080', meaning: 'Port; 0 picks a free one (`--port`).' },
  { name: 'MOORING_DATA', default: './mooring-data', meaning: 'Data folder (`--data`).' },
  {
    name: 'MOORING_PUBLIC_URL',
    default: 'host and port',
    meaning:
      'URL under which users reach the server (`--public-url`). Links and redirects are built from it, never from a request.',
  },
  { name: 'MOORING_CONFIG', default: '', meaning: 'Configuration file (`--config`).' },
  {
    name: 'MOORING_DATABASE_URL',
    default: '',
    meaning:
      'Empty: embedded SQLite under the data folder, for one node. `postgres://user:password@host:port/database`: a PostgreSQL database that any number of nodes share; `?sslmode=verify-full&sslrootcert=…` for TLS. All nodes need the same master key.',
  },
  { name: 'MOORING_MASTER_KEY', default: '', meaning: 'Master key: 32 bytes as base64.' },
  {
    name: 'MOORING_MASTER_KEY_FILE',
    default: '`master.key` in the data folder, created once',
    meaning: 'File that holds the master key, mode 0600.',
  },
  {
    name: 'MOORING_MASTER_KEY_PREVIOUS',
    default: '',
    meaning:
      'The previous master key. Set it while the master key is replaced: a start that finds the store under it moves the store to the new one.',
  },
  {
    name: 'MOORING_MASTER_KEY_PREVIOUS_FILE',
    default: '',
    meaning: 'File that holds the previous master key, mode 0600.',
  },
  {
    name: 'MOORING_ADMIN_KEY',
    default: 'generated, printed once',
    meaning:
      'API key that the first start gives to the first tenant administrator; at least 24 characters, letters and digits. Ignored, with a warning, if a store exists already.',
  },
  {
    name: 'MOORING_EGRESS_ALLOW',
    default: '',
    meaning:
      'Addresses or ranges that may be reached, comma-separated, each optionally with `:port`; added to `egress.allow`.',
  },
  { name: 'MOORING_LOG_LEVEL', default: 'info', meaning: 'debug, info, warn, error or silent.' },
];

function settingsOf(schema: z.core.JSONSchema.BaseSchema, prefix: string): Setting[] {
  if (schema.properties === undefined) {
    const value = schema.default === undefined ? '' : JSON.stringify(schema.default);
    const inner =
      typeof schema.additionalProperties === 'object'
        ? settingsOf(schema.additionalProperties, `${prefix}.<key>`)
        : [];
    const isMap = inner.length > 1 || inner[0]?.name.split('.').length !== prefix.split('.').length + 1;
    return [{ name: prefix, default: value, meaning: schema.description ?? '' }, ...(isMap ? inner : [])];
  }
  return Object.entries(schema.properties).flatMap(([name, property]) =>
    typeof property === 'boolean' ? [] : settingsOf(property, prefix === '' ? name : `${prefix}.${name}`),
  );
}

/** Every setting with its default and meaning, for the reference page. */
export function describeConfiguration(): { environment: readonly Setting[]; file: Setting[] } {
  const schema = z.toJSONSchema(fileSchema, { io: 'output', unrepresentable: 'any' });
  return { environment: environmentSettings, file: settingsOf(schema, '') };
}
