import Database from 'libsql';
import { serveQuestions, taskOf } from './serve-questions.js';

// One row per durable transaction: the driver with the settings of Mooring's store.

const { file } = taskOf<{ file: string }>();
const database = new Database(file);
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
database.exec('CREATE TABLE connection (id text PRIMARY KEY, name text NOT NULL, properties text NOT NULL)');
const insert = database.prepare('INSERT INTO connection VALUES (?, ?, ?)');
const properties = JSON.stringify({ host: '127.0.0.1', port: 5432, db: 'lab', sslmode: 'disable' });
let count = 0;

serveQuestions(async (question) => {
  const { seconds } = question as { seconds: number };
  const before = performance.now();
  let inserted = 0;
  while (performance.now() - before < seconds * 1000) {
    count += 1;
    inserted += 1;
    insert.run(`00000000-0000-4000-8000-${count}`, `connection ${count}`, properties);
  }
  return { perSecond: (inserted / (performance.now() - before)) * 1000 };
});
