// Types of the part of pg-cursor that is used here; the package has none.
declare module 'pg-cursor' {
  import type { EventEmitter } from 'node:events';
  import type { Connection, Submittable } from 'pg';

  interface CursorOptions {
    rowMode: 'array';
    types?: { getTypeParser(objectId: number): (text: string) => unknown };
  }

  class Cursor<Row> extends EventEmitter implements Submittable {
    constructor(text: string, values: readonly unknown[], options: CursorOptions);
    submit(connection: Connection): void;
    read(rowsMax: number): Promise<Row[]>;
    close(): Promise<void>;
  }

  export = Cursor;
}
