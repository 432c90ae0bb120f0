import { Client, type SearchOptions } from 'ldapts';
import { ConnectorError } from '../../interface/errors.js';
import type { Secret } from '../../interface/secret.js';
import type { Context } from '../../interface/session.js';
import { connected, secured } from '../../kit/relay.js';
import type { TlsDemands } from '../../kit/tls.js';
import { createLdapGuard, type LdapGuard } from './guard.js';

/** Entries in one page (RFC 2696). Active Directory's limit is 1,000. */
const pageSize = 500;
/** "Who am I?" (RFC 4532). */
const whoAmI = '1.3.6.1.4.1.4203.1.11.3';

export interface Entry {
  dn: string;
  attributes: ReadonlyMap<string, readonly Buffer[]>;
}

export type Scope = 'one' | 'children';

/** A signed-in connection. */
export interface Directory {
  /** Entries with all attributes that users may see, or with some. */
  pages(dn: string, scope: Scope, attributes?: string[]): AsyncGenerator<Entry[], void, undefined>;
  /** @throws the driver's error if there is no such entry that the login may see */
  assertEntry(dn: string): Promise<void>;
  /** Whom the server takes us for, if it says. */
  account(): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface LdapTarget {
  host: string;
  port: number;
  security: 'ldaps' | 'starttls' | 'none';
  /** For the first two. */
  tls: TlsDemands | undefined;
  username: string;
  password: Secret<string>;
}

const tooMuch = () =>
  new ConnectorError('too_large', 'The server sent more than 32 MiB for a page of entries.');

/** The driver returns attributes as bytes that this list has; as text, what is not UTF-8 would be lost. */
const allAsBytes = Object.assign([] as string[], { includes: () => true });

const entryOf = ({ dn, ...values }: Record<string, unknown>): Entry => ({
  dn: String(dn),
  attributes: new Map(
    Object.entries(values).flatMap(([name, value]) => {
      const list = (Array.isArray(value) ? value : [value]).map((one) => Buffer.from(one as Buffer));
      return list.length === 0 ? [] : [[name, list] as const];
    }),
  ),
});

function directoryOf(client: Client, guard: LdapGuard): Directory {
  const ask = <Result>(work: () => Promise<Result>) => {
    guard.begin();
    return guard.guarding(work());
  };
  return {
    async *pages(dn, scope, attributes = []) {
      const how: SearchOptions = { scope, attributes, paged: { pageSize }, derefAliases: 'never' };
      const found = client.searchPaginated(dn, { ...how, explicitBufferAttributes: allAsBytes });
      for (;;) {
        const page = await ask(() => found.next());
        if (page.done) return;
        yield page.value.searchEntries.map(entryOf);
      }
    },
    assertEntry: async (dn) =>
      void (await ask(() => client.search(dn, { scope: 'base', attributes: ['1.1'] }))),
    account: () =>
      ask(() => client.exop(whoAmI)).then(
        ({ value }) => value?.replace(/^(?:dn|u):/, '') || undefined,
        () => undefined,
      ),
    close: () => client.unbind(),
  };
}

/**
 * Signs in by a simple bind (RFC 4513 section 5.1). All goes over one connection of the gate: the driver would dial again by
 * itself, and ask without a sign-in.
 * @throws ConnectorError of the gate, errors of TLS, the driver's errors
 */
export async function openDirectory(target: LdapTarget, { network }: Context): Promise<Directory> {
  const { security, tls, username } = target;
  const password = target.password.reveal();
  if (username === '' || password === '')
    throw new ConnectorError('auth_failed', 'Without user name and password a server checks nothing.');
  const guard = createLdapGuard(tooMuch);
  const socket = await connected(network.socket(target), target, security === 'ldaps' ? tls : undefined);
  guard.watch(socket);
  let isTaken = false;
  const client = new Client({
    url: 'ldap://directory',
    createConnection: () => {
      if (isTaken)
        throw new ConnectorError('unreachable', 'The server closed the connection.', { retryable: true });
      isTaken = true;
      return socket;
    },
    createSecureConnection: () => {
      if (!tls) throw new Error('TLS was not asked for.');
      const secure = secured(socket, target, tls);
      guard.watch(secure);
      return secure;
    },
  });
  if (security === 'starttls') await guard.guarding(client.startTLS());
  await guard.guarding(client.bind(username, password));
  return directoryOf(client, guard);
}
