import pg from 'pg';
import Cursor from 'pg-cursor';
import { serveQuestions, taskOf } from './serve-questions.js';

// The driver's cursor, batch by batch; rows are counted and dropped.

const { connection, text } = taskOf<{ connection: pg.ClientConfig; text: string }>();
const batchRows = 1000;

/** @param isTextOnly keeps values as text instead of the driver's types (Date, number) */
async function readAll(isTextOnly: boolean): Promise<number> {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query('begin transaction read only');
  const types = { getTypeParser: () => (value: string) => value };
  const cursor = client.query(
    new Cursor<unknown[]>(text, [], { rowMode: 'array', ...(isTextOnly ? { types } : {}) }),
  );
  let rows = 0;
  for (;;) {
    const batch = await cursor.read(batchRows);
    rows += batch.length;
    if (batch.length < batchRows) break;
  }
  await client.end();
  return rows;
}

serveQuestions(async (question) => {
  const before = performance.now();
  const rows = await readAll((question as { isTextOnly: boolean }).isTextOnly);
  return { rows, seconds: (performance.now() - before) / 1000 };
});
