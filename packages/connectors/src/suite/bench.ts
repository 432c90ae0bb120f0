// Shared by connector tests: sessions that prove they left nothing open, and checks on the content of errors.

import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Connector, ConnectorInput, RowStream, Session } from '../interface/connector.js';
import type { Row } from '../interface/data-types.js';
import { ConnectorError } from '../interface/errors.js';
import { propertyMeta } from '../interface/fields.js';
import type { SourceManifest } from '../interface/manifest.js';
import { revealed } from '../interface/secret.js';
import { createRetries } from '../kit/retries.js';
import { createDirectNetwork, type DirectNetwork } from './direct-network.js';
import type { StartedSource } from './harness.js';

/** Maximum time until the sockets of a closed session are gone. */
export const CLOSE_MS_MAX = 2_000;

/** The part of a started source that opens sessions. */
export type BenchSource = Pick<StartedSource, 'good' | 'settings'>;

/** Opens sessions with one source over a separate network. */
export class Bench<Source extends BenchSource = BenchSource> {
  readonly network: DirectNetwork = createDirectNetwork();
  readonly connector: Connector;
  readonly source: Source;

  constructor(connector: Connector, source: Source) {
    this.connector = connector;
    this.source = source;
  }

  open(input: ConnectorInput, signal: AbortSignal = new AbortController().signal): Promise<Session> {
    return this.connector.open(input, {
      network: this.network,
      retries: createRetries(),
      settings: this.source.settings ?? {},
      signal,
    });
  }

  /** Runs `use` in a fresh session, closes it and proves that no socket is left. */
  async within<Result>(
    use: (session: Session) => Promise<Result>,
    options: { input?: ConnectorInput; signal?: AbortSignal } = {},
  ): Promise<Result> {
    const session = await this.open(options.input ?? this.source.good, options.signal);
    try {
      return await use(session);
    } finally {
      await session.close();
      expect(await this.network.idle(CLOSE_MS_MAX), 'sockets left open after close').toBe(true);
    }
  }
}

/** Abandons a read after its first batch of `rows` rows, on a server that ignores the cancel. */
export async function leaveEarly(bench: Bench, rows: number): Promise<void> {
  const begun = performance.now();
  await bench.within(async (session) => {
    const { batches } = await session.read({ query: 'select 1', batchRows: 50 });
    for await (const batch of batches) {
      expect(batch).toHaveLength(rows);
      break;
    }
  });
  expect(performance.now() - begun).toBeLessThan(4_000);
}

/** Reads a stream to its end. */
export async function allBatches(stream: RowStream): Promise<(readonly Row[])[]> {
  const batches: (readonly Row[])[] = [];
  for await (const batch of stream.batches) batches.push(batch);
  return batches;
}

/** The `ConnectorError` with which `work` fails; any other outcome fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<ConnectorError> {
  const outcome = await work.then(
    () => new Error('expected a failure'),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(ConnectorError);
  return outcome as ConnectorError;
}

/** Secret values of an input, as the manifest marks them. */
export async function secretsOf(manifest: SourceManifest, input: ConnectorInput): Promise<string[]> {
  const values: string[] = [];
  const collect = (held: unknown): void => {
    const value = revealed(held);
    if (typeof value === 'string' && value.length >= 4) values.push(value);
    else if (Array.isArray(value)) {
      for (const item of value) collect((item as { value?: unknown }).value ?? item);
    }
  };
  for (const [name, schema] of Object.entries(manifest.properties.shape)) {
    if (!propertyMeta(schema as never)?.secret) continue;
    collect(input.login.fields[name]);
    collect(input.properties[name]);
  }
  if (input.login.accessToken) collect(await input.login.accessToken().catch(() => undefined));
  return values;
}

/** Asserts that nothing in the error that may be shown or logged contains a secret. */
export function expectNoSecrets(error: ConnectorError, secrets: readonly string[]): void {
  const shown = [
    error.message,
    error.remedy,
    error.stack,
    inspect(error, { depth: 12, maxStringLength: null }),
  ];
  const text = shown.join('\n');
  for (const secret of secrets) {
    const encoded = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64'),
      Buffer.from(secret).toString('hex'),
    ];
    for (const form of encoded) expect(text.includes(form), 'an error contains a secret').toBe(false);
  }
}

/** Polls until `holds` is true or the time is up; returns the last result. */
export async function waitUntil(holds: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    if (await holds()) return true;
  }
  return holds();
}
