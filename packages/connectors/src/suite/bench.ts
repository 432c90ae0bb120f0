// Shared by connector tests: sessions that prove they left nothing open, and checks on the content of errors.

import { inspect } from 'node:util';
import type { FileOptions } from '@mooring/contract/file-options';
import { expect } from 'vitest';
import type { Column, Row } from '../interface/data-types.js';
import { ConnectorError } from '../interface/errors.js';
import { propertyMeta } from '../interface/fields.js';
import type { TokenSource, Values } from '../interface/login.js';
import type { Network } from '../interface/network.js';
import type { Batch, Parameters, Path } from '../interface/plan.js';
import { revealed } from '../interface/secret.js';
import type { BrowseRequest, Described, Findings, Item, Page } from '../interface/session.js';
import type { AnySource } from '../interface/source.js';
import { createRetries } from '../kit/retries.js';
import { type ApiRead, type OpenUse, openUse } from '../kit/session/open-use.js';
import { createDirectNetwork, type DirectNetwork } from './direct-network.js';

/** What a session is opened with, as the server gives it: the definition and an opened login. */
export interface TestInput {
  properties: Values;
  login: { signIn: string; fields: Values; accessToken?: TokenSource };
}

/** A read as tests write it. */
export interface TestRead extends Omit<ApiRead, 'target' | 'lanes'> {
  path?: Path;
  query?: string;
  parameters?: Parameters;
  isPreview?: boolean;
}

export interface TestRows {
  columns: readonly Column[];
  file?: FileOptions;
  batches: AsyncIterable<readonly Row[]>;
}

/** A session whose calls share one signal. */
export interface TestSession {
  use: OpenUse;
  ping(): Promise<Findings>;
  browse(request: BrowseRequest): Promise<Page<Item>>;
  describe(target: { path: Path } | { query: string }): Promise<Described>;
  read(request: TestRead): Promise<TestRows>;
  close(): Promise<void>;
}

async function* rowsOf(batches: AsyncIterable<Batch>): AsyncGenerator<readonly Row[]> {
  for await (const batch of batches) {
    if (!('rows' in batch)) throw new Error('rows were asked for');
    yield batch.rows;
  }
}

function toTestSession(use: OpenUse, signal: AbortSignal): TestSession {
  return {
    use,
    ping: () => use.ping({ signal }),
    browse: (request) => use.browse(request, { signal }),
    describe: (target) => use.describe(target, { signal }),
    async read({ path = [], query, parameters, isPreview = false, ...rest }) {
      const target = query === undefined ? { path } : { query, ...(parameters ? { parameters } : {}) };
      const stream = await use.read({ ...rest, target, lanes: ['rows'] }, { signal, isPreview });
      const { columns, file } = stream;
      return { columns, ...(file ? { file } : {}), batches: rowsOf(stream.batches) };
    },
    close: () => use.close(),
  };
}

/** Maximum time until the sockets of a closed session are gone. */
export const CLOSE_MS_MAX = 2_000;

/** The part of a started source that opens sessions. */
export interface BenchSource {
  good: TestInput;
  /** The operator's `sources.<id>`. */
  settings?: Values;
}

/** Opens a session as the server does. */
export async function openSession(
  tested: AnySource,
  { properties, login }: TestInput,
  given: { network: Network; settings?: Values; signal?: AbortSignal },
): Promise<TestSession> {
  const { network, settings = {}, signal = new AbortController().signal } = given;
  const { signIn, fields, accessToken } = login;
  const use = await openUse(
    tested,
    { definition: properties, method: signIn, fields, settings },
    { network, retries: createRetries(), signal, ...(accessToken ? { token: accessToken } : {}) },
  );
  return toTestSession(use, signal);
}

/** Opens sessions with one source over a separate network. */
export class Bench<Started extends BenchSource = BenchSource> {
  readonly network: DirectNetwork = createDirectNetwork();
  readonly tested: AnySource;
  readonly source: Started;

  constructor(tested: AnySource, source: Started) {
    this.tested = tested;
    this.source = source;
  }

  open(input: TestInput, signal?: AbortSignal): Promise<TestSession> {
    const { settings = {} } = this.source;
    return openSession(this.tested, input, {
      network: this.network,
      settings,
      ...(signal ? { signal } : {}),
    });
  }

  /** Runs `use` in a fresh session, closes it and proves that no socket is left. */
  async within<Result>(
    use: (session: TestSession) => Promise<Result>,
    options: { input?: TestInput; signal?: AbortSignal } = {},
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
export async function allBatches(stream: Pick<TestRows, 'batches'>): Promise<(readonly Row[])[]> {
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

/** Secret values of an input, as the source marks them. */
export async function secretsOf({ logins }: AnySource, { login }: TestInput): Promise<string[]> {
  const values: string[] = [];
  const collect = (held: unknown): void => {
    const value = revealed(held);
    if (typeof value === 'string' && value.length >= 4) values.push(value);
    else if (Array.isArray(value)) {
      for (const item of value) collect((item as { value?: unknown }).value ?? item);
    }
  };
  for (const { fields } of Object.values(logins)) {
    for (const [name, schema] of Object.entries(fields))
      if (propertyMeta(schema as never)?.secret) collect(login.fields[name]);
  }
  if (login.accessToken) collect(await login.accessToken().catch(() => undefined));
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
