/** A statement as it arrives at the HTTP interface. */
export interface Statement {
  sql: string;
  format: string;
  database: string;
  /** Values of `{name:Type}`, escaped as ClickHouse expects them. */
  parameters: Readonly<Record<string, string>>;
  settings: Readonly<Record<string, string>>;
}

/** An exception of the engine. */
export class EngineFailure extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** What runs the statements behind the HTTP interface. */
export interface ClickHouseEngine {
  /** The answer in its format. @throws EngineFailure at once, or in the midst of the answer */
  run(statement: Statement, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** What ClickHouse answered to a statement: bytes as base64, or an exception. */
export type Recorded = { body: string } | { code: number; message: string };
