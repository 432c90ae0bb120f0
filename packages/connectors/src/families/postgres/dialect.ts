import pg from 'pg';
import type { SqlDialect } from '../sql/session.js';

export const postgresDialect: SqlDialect = { quoted: pg.escapeIdentifier };
