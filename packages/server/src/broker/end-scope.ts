import type { Tx } from '../store/store.js';
import type { CredentialTable, SignInTable } from '../store/tables.js';

/** What is to end. Several members narrow each other; none of them: everything of the tenant. */
export interface EndScope {
  tenantId: string;
  userId?: string;
  sourceId?: string;
  credentialId?: string;
  /** Its embedded credential, and sign-ins that were begun for it. */
  connectionId?: string;
}

/** Credentials that end with it. */
export function credentialsIn(tx: Tx, scope: EndScope, limit?: number): Promise<CredentialTable[]> {
  let found = tx.selectFrom('credential').selectAll().where('tenant_id', '=', scope.tenantId).orderBy('id');
  if (scope.userId !== undefined) found = found.where('owner_id', '=', scope.userId);
  if (scope.sourceId !== undefined) found = found.where('source_id', '=', scope.sourceId);
  if (scope.credentialId !== undefined) found = found.where('id', '=', scope.credentialId);
  if (scope.connectionId !== undefined) found = found.where('connection_id', '=', scope.connectionId);
  return (limit === undefined ? found : found.limit(limit)).execute();
}

const open = ['pending', 'arrived', 'needs_choice'] as const;

/**
 * Sign-ins that end with it. One that is being redeemed may be what brings the successor of a single credential, and
 * finds out by itself that its connection is gone; whoever is shut out as a whole gets nothing more of it.
 */
export function openSignInsIn(tx: Tx, scope: EndScope, limit?: number): Promise<SignInTable[]> {
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
  return (limit === undefined ? found : found.limit(limit)).execute();
}
