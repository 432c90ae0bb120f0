// The part of pg-cursor that is used here. The package has no typings, and its author recommends none.
declare module 'pg-cursor' {
  import type { EventEmitter } from 'node:events';
  import type { Connection, Submittable } from 'pg';

  interface CursorOptions {
    rowMode: 'array';
    types: { getTypeParser(objectId: number): (text: string) => unknown };
  }

  class Cursor<Row> extends EventEmitter implements Submittable {
    constructor(text: string, values: readonly unknown[], options: CursorOptions);
    submit(connection: Connection): void;
    /** Fewer rows than requested: the result has ended. */
    read(rowsMax: number): Promise<Row[]>;
    close(): Promise<void>;
  }

  export = Cursor;
}
