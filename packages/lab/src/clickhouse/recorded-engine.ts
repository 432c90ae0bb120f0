import { type ClickHouseEngine, EngineFailure, type Recorded, type Statement } from './engine.js';
import { recorded } from './recorded.js';

/** Statements that differ in nothing else than white space are one. */
export const keyOf = ({ sql, format, database, parameters }: Statement): string => {
  const given = Object.entries(parameters).map(([name, value]) => ` ${name}=${value}`);
  return `${format} ${database}${given.join('')}: ${sql.replaceAll(/\s+/g, ' ').trim()}`;
};

/** Work that lasts until it is stopped: `sleep` of the engine. */
const isEndless = ({ sql }: Statement) => sql.includes('sleep(3)') && !sql.startsWith('DESCRIBE');

/** Answers as ClickHouse 26.7 gave them; with RECORD_CLICKHOUSE=1 the source's tests record them again. */
export const recordedEngine: ClickHouseEngine = {
  async *run(statement, signal) {
    if (isEndless(statement)) {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
      return;
    }
    const found = recorded[keyOf(statement)];
    if (!found) {
      throw new EngineFailure(
        48,
        `The stand-in has no recorded answer to ${keyOf(statement).slice(0, 2_000)}`,
      );
    }
    if ('code' in found) throw new EngineFailure(found.code, found.message);
    yield Buffer.from(found.body, 'base64');
  },
  close: async () => {},
};

/** How long a statement took and what it read is another thing each time. */
const settled = (body: Buffer, { format }: Statement): Buffer =>
  format === 'JSONCompact'
    ? Buffer.from(body.toString('utf8').replace(/"statistics":\s*\{[^{}]*\}/, '"statistics":{}'))
    : body;

/** Another engine's answers, written down while it gives them. */
export function recording(engine: ClickHouseEngine, into: Map<string, Recorded>): ClickHouseEngine {
  return {
    async *run(statement, signal) {
      const chunks: Uint8Array[] = [];
      try {
        for await (const chunk of engine.run(statement, signal)) chunks.push(chunk);
      } catch (error) {
        if (error instanceof EngineFailure) {
          into.set(keyOf(statement), { code: error.code, message: error.message });
        }
        throw error;
      }
      const body = Buffer.concat(chunks);
      into.set(keyOf(statement), { body: settled(body, statement).toString('base64') });
      yield body;
    },
    close: () => engine.close(),
  };
}
