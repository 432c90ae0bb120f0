import Database from 'libsql';
import pg from 'pg';

export interface Statement {
  text: string;
  values: readonly unknown[];
}

/**
 * Records what both drivers execute. SQLite's statements are kept prepared, so this comes before the server starts.
 * @returns ends the recording
 */
export function recordStatements(into: Statement[]): () => void {
  const { query } = pg.Client.prototype;
  const { prepare } = Database.prototype;
  let isOn = true;
  pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
    const [config] = given as [{ text?: string; values?: unknown[] }];
    if (config?.text) into.push({ text: config.text, values: config.values ?? [] });
    return Reflect.apply(query, this, given);
  } as typeof query;
  Database.prototype.prepare = function (this: Database.Database, text: string) {
    const statement = Reflect.apply(prepare, this, [text]);
    // `all` iterates.
    for (const name of ['run', 'iterate'] as const) {
      const execute = statement[name];
      statement[name] = ((...values: unknown[]) => {
        if (isOn) into.push({ text, values });
        return Reflect.apply(execute, statement, values);
      }) as never;
    }
    return statement;
  } as typeof prepare;
  return () => {
    isOn = false;
    pg.Client.prototype.query = query;
    Database.prototype.prepare = prepare;
  };
}
