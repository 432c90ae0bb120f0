import type { Queryable, Tx } from '../../store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import { ownerOfConnectionSecrets } from './connection-secrets.js';

// A connection may keep a login: an embedded credential, and secrets such as its OAuth client's. It serves all users of the
// connection, so moving the connection decides whom it serves. If it is moved by another user than the one who entered the
// login, the login is suspended until that user confirms it, or until it is entered again.

type ConnectionRef = Pick<ConnectionTable, 'id' | 'tenant_id'>;
type Suspension = Pick<ConnectionTable, 'suspended_at' | 'suspended_by'>;
type Place = Pick<ConnectionTable, 'owner_id' | 'space_id'>;

/** The login that a connection keeps, and who entered each part. */
export interface KeptLogin {
  credential: CredentialTable | undefined;
  secretsOwnerId: string | undefined;
}

export async function keptLogin(db: Queryable, connection: ConnectionRef): Promise<KeptLogin> {
  const credential = await db
    .selectFrom('credential')
    .selectAll()
    .where('connection_id', '=', connection.id)
    .where('tenant_id', '=', connection.tenant_id)
    .executeTakeFirst();
  return { credential, secretsOwnerId: await ownerOfConnectionSecrets(db, connection) };
}

/** Ids of the users who entered the login, one for each part. */
export const giversOf = ({ credential, secretsOwnerId }: KeptLogin): string[] =>
  [credential?.owner_id, secretsOwnerId].filter((id) => id !== undefined);

/** An update of a connection, as it concerns the login that it keeps. */
export interface LoginMove {
  from: Place & Suspension;
  to: Place;
  /** Who entered the login as it is after the update. */
  givers: readonly string[];
  /** Who makes the update, and whether it enters a part of the login. */
  by: string;
  isEntered: boolean;
  at: string;
}

export function suspensionAfter({ from, to, givers, by, isEntered, at }: LoginMove): Suspension {
  const none = { suspended_at: null, suspended_by: null };
  if (givers.length === 0) return none;
  const isAllOf = (userId: string) => givers.every((giver) => giver === userId);
  const isNewOwner = to.owner_id !== from.owner_id;
  const isMoved = isNewOwner || to.space_id !== from.space_id;
  // Transferring a connection does not allow its use with the login, not even by the user who entered both.
  const mayServe = isAllOf(by) && (!isNewOwner || isAllOf(to.owner_id));
  if (isMoved && !mayServe) return { suspended_at: at, suspended_by: by };
  if (isEntered && isAllOf(by)) return none;
  return { suspended_at: from.suspended_at, suspended_by: from.suspended_by };
}

/**
 * Ends the suspension that was shown.
 * @returns false if the connection has changed; nothing was written
 */
export async function resumeLogin(
  tx: Tx,
  connection: ConnectionRef & Pick<ConnectionTable, 'version' | 'suspended_at'>,
  at: string,
): Promise<boolean> {
  const result = await tx
    .updateTable('connection')
    .set({ suspended_at: null, suspended_by: null, version: connection.version + 1, updated_at: at })
    .where('id', '=', connection.id)
    .where('tenant_id', '=', connection.tenant_id)
    .where('version', '=', connection.version)
    .where('suspended_at', '=', connection.suspended_at)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
