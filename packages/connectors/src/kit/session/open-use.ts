import { ConnectorError, type ErrorTable } from '../../interface/errors.js';
import type { TokenSource, Values } from '../../interface/login.js';
import type { Network } from '../../interface/network.js';
import type { Target } from '../../interface/plan.js';
import type { Retries } from '../../interface/retries.js';
import type { Secret } from '../../interface/secret.js';
import type {
  BrowseRequest,
  ByteStream,
  BytesRequest,
  Described,
  Findings,
  Item,
  Page,
} from '../../interface/session.js';
import type { AnySource } from '../../interface/source.js';
import { assertColumns } from '../columns.js';
import { translate } from '../errors.js';
import { failureForAuthor } from '../server-words.js';
import { typedInput } from '../typed-input.js';
import { shownFindings } from './findings.js';
import { runBytes } from './run-bytes.js';
import { type ApiRead, type RowStream, runRead } from './run-read.js';
import { SessionRunner } from './run-session.js';
import { outsideSessions } from './session-scope.js';
import { trackNetwork } from './tracked-network.js';
import type { CallOptions } from './work.js';

export type { ApiRead, RowStream } from './run-read.js';
export type { CallOptions } from './work.js';

/** What a use opens a source with, before it is typed. */
export interface UseInput {
  definition: Values;
  /** Name of the login method. */
  method: string;
  /** Opened credential by property name; what the source marks as secret is a `Secret`. */
  fields: Values;
  /** The operator's `sources.<id>`. */
  settings: Values;
}

export interface UseSurroundings {
  network: Network;
  retries: Retries;
  /** Ends the session, and whatever it does, at once. */
  signal: AbortSignal;
  /** For login methods with OAuth. */
  token?: TokenSource | undefined;
  /** A first connection of the session is established. */
  onConnected?: () => void;
  /** Its driver has thrown outside of any call; the session is over. The error may hold secrets. Also after its end. */
  onStray?: (error: unknown) => void;
}

/**
 * A session with a source, opened for one user. Does one thing at a time. All failures are `ConnectorError`s, and no
 * method waits longer for a source than its signal and timeout allow.
 */
export interface OpenUse {
  ping(options: CallOptions): Promise<Findings>;
  browse(request: BrowseRequest, options: CallOptions): Promise<Page<Item>>;
  /** @throws ConnectorError `unsupported` for a target that the source cannot describe */
  describe(target: Target, options: CallOptions): Promise<Described>;
  /** The session is busy until the batches have ended or are left. */
  read(request: ApiRead, options: CallOptions): Promise<RowStream>;
  /** The session is busy until the chunks have ended or are left. */
  bytes(request: BytesRequest, options: CallOptions): Promise<ByteStream>;
  /** Idempotent. Ends what is running, and leaves no connection and no timer. */
  close(): Promise<void>;
  /** The session cannot be used again. */
  isBroken(): boolean;
}

/** Retries are counted by the server, which is not part of the session. */
const outside = (retries: Retries): Retries => ({
  take: (origin) => outsideSessions(() => retries.take(origin)),
  giveBack: (origin) => outsideSessions(() => retries.giveBack(origin)),
  earn: (origin) => outsideSessions(() => retries.earn(origin)),
});

/** Tokens, noted so that no text of the source can repeat one to its user. */
function noted(token: TokenSource, known: Secret<string>[]): TokenSource {
  return async (options) => {
    const found = await outsideSessions(() => token(options));
    if (!known.some((other) => other.equals(found))) known.push(found);
    return found;
  };
}

const notLoaded = ({ name }: AnySource): ErrorTable => ({
  codes: {},
  fallback: {
    kind: 'driver_unavailable',
    message: `The driver of ${name} cannot be loaded.`,
    remedy: 'Install the server again with all its dependencies.',
  },
});

/** The connector of a source, with its driver. @throws ConnectorError `driver_unavailable` */
export async function loadConnector(
  source: AnySource,
): Promise<Awaited<ReturnType<AnySource['load']>>['connector']> {
  try {
    return (await source.load()).connector;
  } catch (error) {
    throw translate(notLoaded(source), error);
  }
}

const cannotDescribe = (query: string | undefined) =>
  new ConnectorError(
    'unsupported',
    `This data source cannot describe ${query === undefined ? 'a path' : 'a query'} without reading it.`,
  );

/**
 * Opens a session with a source.
 * @throws ConnectorError; nothing is left open then
 */
export async function openUse(
  source: AnySource,
  input: UseInput,
  { network, retries, signal, token, onConnected, onStray }: UseSurroundings,
): Promise<OpenUse> {
  const { abilities } = source;
  const tokens: Secret<string>[] = [];
  const secrets = () => ({ ...input.fields, ...tokens });
  let errors = notLoaded(source);
  const tracked = trackNetwork(network, () => outsideSessions(() => onConnected?.()));
  const runner = new SessionRunner({
    ...{ cancel: abilities.cancel, tracked, signal },
    translate: (error, query) =>
      failureForAuthor(translate(errors, error), query, secrets()) as ConnectorError,
    onStray: (error) => onStray?.(error),
  });
  await runner.open(async (context) => {
    const typed = typedInput(source, { ...input, ...(token ? { token: noted(token, tokens) } : {}) });
    const connector = await loadConnector(source);
    errors = connector.errors;
    return connector.open(typed, { ...context, network: tracked.network, retries: outside(retries) });
  });
  return {
    ping: async (options) =>
      shownFindings(await runner.verb(options, (session, call) => session.ping(call)), secrets()),
    async browse(request, options) {
      if (request.search !== undefined && !abilities.browse.search)
        throw new ConnectorError('unsupported', 'This data source cannot search by name.');
      return runner.verb(options, (session, call) => session.browse(request, call));
    },
    async describe(target, options) {
      const query = 'query' in target ? target.query : undefined;
      if (abilities.describe === 'no' || (query !== undefined && abilities.describe === 'path'))
        throw cannotDescribe(query);
      return runner.verb({ ...options, query }, async (session, call) => {
        const found = await session.describe?.(target, call);
        if (!found) throw cannotDescribe(query);
        assertColumns(found.columns);
        return found;
      });
    },
    read: (request, options) => runRead(runner, abilities, request, options),
    bytes: (request, options) => runBytes(runner, abilities, request, options),
    close: () => runner.close(),
    isBroken: () => runner.isBroken(),
  };
}
