import type { Caller } from '../../access/caller.js';
import { folded, isAccessible, standingOf, type User, withSource } from '../../access/connection-access.js';
import { type ConnectionToUse, unknownConnection } from '../../access/find-connection.js';
import { compileOnce } from '../../store/compile-once.js';
import { columnsOf, joined, withoutJoined } from '../../store/joined-columns.js';
import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable, SecretTable } from '../../store/tables.js';

// Everything a use depends on is loaded by one statement, so that it is all from one moment: the connection, what the user
// may do to it, the credential they would use, where it may be sent, and what is sealed of both.

/** A connection, and the credential that a user would use on it: `resolve.ts` decides whether they may. */
export interface LoadedConnection extends ConnectionToUse {
  /** Separated: the user's own linked credential and no other. Embedded: the connection's. */
  credential: CredentialTable | undefined;
  /** The credential may be sent to the connection's destination. */
  isConfirmed: boolean;
  /** Who entered the connection's own secrets; undefined if it has none. */
  secretsOwnerId: string | undefined;
}

const sealedColumns = ['owner_id', 'version', 'key_id', 'wrapped_key', 'ciphertext'] as const;
type SealedRow = Pick<SecretTable, (typeof sealedColumns)[number]>;

export interface LoadedUse extends LoadedConnection {
  /** Of the credential, if it is confirmed and not suspended. */
  sealedLogin: SealedRow | undefined;
  /** The connection's own. */
  sealedSecrets: SealedRow | undefined;
}

const credentialColumns = [
  ...(['id', 'tenant_id', 'owner_id', 'source_id', 'name', 'name_key', 'separated'] as const),
  ...(['connection_id', 'sign_in', 'state', 'version', 'created_at', 'updated_at'] as const),
  ...(['entered_at', 'entered_with'] as const),
];

type UseArgument = Parameters<typeof withSource>[1];

/** Ownership is part of the statement; there is no fallback identity. */
const withCredential = (db: Queryable, argument: UseArgument) =>
  withSource(db, argument)
    .leftJoin('credential as embedded', (join) =>
      join
        .onRef('embedded.connection_id', '=', 'connection.id')
        .onRef('embedded.tenant_id', '=', 'connection.tenant_id')
        .on('connection.separated', '=', 0),
    )
    .leftJoin('credential_link', (join) =>
      join
        .onRef('credential_link.connection_id', '=', 'connection.id')
        .onRef('credential_link.tenant_id', '=', 'connection.tenant_id')
        .on('connection.separated', '=', 1)
        .on('credential_link.user_id', '=', argument('userId')),
    )
    .leftJoin('credential', (join) =>
      join
        .on((eb) =>
          eb.or([eb('connection.separated', '=', 0), eb('credential.owner_id', '=', argument('userId'))]),
        )
        .on('credential.id', '=', (eb) => eb.fn.coalesce('embedded.id', 'credential_link.credential_id'))
        .onRef('credential.tenant_id', '=', 'connection.tenant_id')
        .onRef('credential.source_id', '=', 'connection.source_id')
        .onRef('credential.separated', '=', 'connection.separated'),
    )
    .leftJoin('credential_destination', (join) =>
      join
        .onRef('credential_destination.credential_id', '=', 'credential.id')
        .onRef('credential_destination.destination', '=', 'connection.destination'),
    )
    .leftJoin('secret as secrets', (join) =>
      join
        .on('secrets.record_kind', '=', 'connection')
        .onRef('secrets.record_id', '=', 'connection.id')
        .onRef('secrets.tenant_id', '=', 'connection.tenant_id')
        .on('secrets.field', '=', 'secrets'),
    )
    .select(columnsOf('credential', credentialColumns))
    .select(['credential_destination.confirmed_at as confirmedAt', 'secrets.owner_id as secretsOwnerId']);

const resolvable = compileOnce(withCredential);

const openable = compileOnce((db, argument: UseArgument) =>
  withCredential(db, argument)
    .leftJoin('secret as login', (join) =>
      join
        .on('login.record_kind', '=', 'credential')
        .onRef('login.record_id', '=', 'credential_destination.credential_id')
        .onRef('login.tenant_id', '=', 'credential.tenant_id')
        .onRef('login.owner_id', '=', 'credential.owner_id')
        .on('login.field', '=', 'login')
        .on('connection.suspended_at', 'is', null),
    )
    .select(columnsOf('login', sealedColumns))
    .select(columnsOf('secrets', sealedColumns)),
);

type Row = Awaited<ReturnType<typeof resolvable>>[number];

function loaded(user: User, rows: readonly Row[]): LoadedConnection | undefined {
  const found = folded(user, rows);
  if (!found) return undefined;
  const { sourceDisabled, confirmedAt, secretsOwnerId, ...row } = found.row;
  return {
    ...found,
    row: withoutJoined(row),
    isSourceDisabled: sourceDisabled === 1,
    credential: joined(row, 'credential'),
    isConfirmed: confirmedAt !== null,
    secretsOwnerId: secretsOwnerId ?? undefined,
  };
}

/** Whatever the user may do to the connection. */
export async function loadCredential(
  db: Queryable,
  user: User,
  id: string,
): Promise<LoadedConnection | undefined> {
  const anyone = { personal: 1, shared: 1, managed: 1, data: 1 };
  return loaded(user, await resolvable(db, { ...standingOf(user), ...anyone, id }));
}

/** For a use. @throws AppError NOT-FOUND */
export async function loadUse(db: Queryable, caller: Caller, id: string): Promise<LoadedUse> {
  const rows = await openable(db, { ...standingOf(caller), id });
  const found = loaded(caller, rows);
  if (!found || !isAccessible(found)) throw unknownConnection();
  const [row = {}] = rows;
  return { ...found, sealedLogin: joined(row, 'login'), sealedSecrets: joined(row, 'secrets') };
}
