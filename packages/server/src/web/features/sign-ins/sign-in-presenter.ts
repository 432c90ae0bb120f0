import { maskedAccount, rememberedAccount } from '../../../core/credentials/grants.js';
import type { Store } from '../../../core/store/store.js';
import type { SignInTable } from '../../../core/store/tables.js';

async function accountsOf({ db }: Store, row: SignInTable) {
  const { account_issuer: issuer, account_subject: subject, account_email: email } = row;
  const remembered =
    row.credential_id === null
      ? undefined
      : await rememberedAccount(db, {
          ...{ id: row.credential_id, tenant_id: row.tenant_id, owner_id: row.user_id },
        });
  return {
    ...(remembered ? { remembered: maskedAccount(remembered) } : {}),
    ...(issuer && subject
      ? { signedIn: maskedAccount({ issuer, subject, ...(email ? { email } : {}) }) }
      : {}),
  };
}

/** A sign-in as the API shows it. */
export async function presentSignIn(store: Store, row: SignInTable, now: Date) {
  const isOpen = row.status === 'pending' || row.status === 'arrived' || row.status === 'needs_choice';
  const state = isOpen && row.expires_at <= now.toISOString() ? ('expired' as const) : row.status;
  return {
    id: row.id,
    state,
    dataSourceId: row.source_id,
    ...(row.connection_id === null ? {} : { connectionId: row.connection_id }),
    ...(row.credential_id === null ? {} : { credentialId: row.credential_id }),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    ...(row.error === null ? {} : { error: row.error }),
    ...(state === 'needs_choice'
      ? { account: await accountsOf(store, row), choices: ['replace', 'add', 'cancel'] as const }
      : {}),
  };
}
