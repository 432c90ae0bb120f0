import { countRows } from '../../store/count-rows.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';

/** What to end. Members narrow each other; without any: everything of the tenant. */
export interface EndScope {
  tenantId: string;
  userId?: string;
  sourceId?: string;
  credentialId?: string;
  /** Its embedded credential, and sign-ins that were begun for it. */
  connectionId?: string;
  /** What was entered or begun after this instant stays. */
  until?: string;
}

function credentialsOf(db: Queryable, scope: EndScope) {
  let found = db.selectFrom('credential').where('tenant_id', '=', scope.tenantId);
  if (scope.userId !== undefined) found = found.where('owner_id', '=', scope.userId);
  if (scope.sourceId !== undefined) found = found.where('source_id', '=', scope.sourceId);
  if (scope.credentialId !== undefined) found = found.where('id', '=', scope.credentialId);
  if (scope.connectionId !== undefined) found = found.where('connection_id', '=', scope.connectionId);
  if (scope.until !== undefined) found = found.where('created_at', '<=', scope.until);
  return found;
}

/** Credentials in the scope. */
export function credentialsIn(tx: Tx, scope: EndScope, limit?: number): Promise<CredentialTable[]> {
  const found = credentialsOf(tx, scope).selectAll().orderBy('id');
  return (limit === undefined ? found : found.limit(limit)).execute();
}

export const countCredentialsIn = (db: Queryable, scope: EndScope): Promise<number> =>
  countRows(credentialsOf(db, scope));

const open = ['pending', 'arrived', 'needs_choice'] as const;

/**
 * Sign-ins in the scope. For a single credential or connection not those that are being redeemed: one may be about to
 * replace the credential, and notices by itself that its connection is gone. For a user or a source, those too.
 */
export function openSignInsIn(tx: Queryable, scope: EndScope, limit?: number): Promise<SignInTable[]> {
  const isOfOne = scope.credentialId !== undefined || scope.connectionId !== undefined;
  let found = tx
    .selectFrom('sign_in')
    .selectAll()
    .where('tenant_id', '=', scope.tenantId)
    .where('status', 'in', isOfOne ? open : [...open, 'redeeming'])
    .orderBy('id');
  if (scope.userId !== undefined) found = found.where('user_id', '=', scope.userId);
  if (scope.sourceId !== undefined) found = found.where('source_id', '=', scope.sourceId);
  if (scope.credentialId !== undefined) found = found.where('credential_id', '=', scope.credentialId);
  if (scope.connectionId !== undefined) found = found.where('connection_id', '=', scope.connectionId);
  if (scope.until !== undefined) found = found.where('created_at', '<=', scope.until);
  return (limit === undefined ? found : found.limit(limit)).execute();
}
