import type { Queryable, Tx } from '../../store/queryable.js';
import type { ConnectionTable, CredentialTable } from '../../store/tables.js';
import { ownerOfConnectionSecrets } from './connection-secrets.js';

// A connection may keep a login of its own: an embedded credential, and secrets such as that of its OAuth client. It
// serves everybody who may use the connection, so whoever moves the connection decides whom it serves. When that is
// not who gave it, it waits until they confirm, or until somebody enters it again.

type ConnectionRef = Pick<ConnectionTable, 'id' | 'tenant_id'>;
type Suspension = Pick<ConnectionTable, 'suspended_at' | 'suspended_by'>;
type Place = Pick<ConnectionTable, 'owner_id' | 'space_id'>;

/** The login that a connection keeps, with who gave each part. */
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

/** Ids of who gave the login, one for each part. */
export const giversOf = ({ credential, secretsOwnerId }: KeptLogin): string[] =>
  [credential?.owner_id, secretsOwnerId].filter((id) => id !== undefined);

/** What a change of a connection means for the login that it keeps. */
export interface LoginMove {
  from: Place & Suspension;
  to: Place;
  /** Who gave the login as it is after the change. */
  givers: readonly string[];
  /** Who makes the change, and whether a part of the login comes with it. */
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
  // Giving a connection away is no leave to use the login there, not even by who gave both.
  const mayServe = isAllOf(by) && (!isNewOwner || isAllOf(to.owner_id));
  if (isMoved && !mayServe) return { suspended_at: at, suspended_by: by };
  if (isEntered && isAllOf(by)) return none;
  return { suspended_at: from.suspended_at, suspended_by: from.suspended_by };
}

/**
 * Ends the suspension that was shown.
 * @returns false when the connection was changed meanwhile; nothing is written then.
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
