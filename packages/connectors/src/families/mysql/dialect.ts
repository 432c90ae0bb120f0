import mysql from 'mysql2';
import type { SqlDialect } from '../sql/session.js';

export const mySqlDialect: SqlDialect = { quoted: (name) => mysql.escapeId(name, true) };
