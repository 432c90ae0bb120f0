import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import type { StoredGrant } from './grant-state.js';

// The account of a grant. A grant is never replaced by one of another account without its user's choice.

export interface GrantAccount {
  issuer: string;
  /** The provider's id of the account (`sub`). */
  subject: string;
  email?: string;
}

/** The account of a fresh grant; undefined if its provider does not tell it. */
export function accountOfGrant({ issuer, tokens }: StoredGrant): GrantAccount | undefined {
  if (issuer === undefined || tokens.subject === undefined) return undefined;
  return { issuer, subject: tokens.subject, ...(tokens.email === undefined ? {} : { email: tokens.email }) };
}

type CredentialRef = Pick<CredentialTable, 'id' | 'tenant_id' | 'owner_id'>;

const stateOf = (db: Queryable, credential: CredentialRef) =>
  db
    .selectFrom('grant_state')
    .innerJoin('credential', 'credential.id', 'grant_state.credential_id')
    .where('grant_state.credential_id', '=', credential.id)
    .where('grant_state.tenant_id', '=', credential.tenant_id)
    .where('credential.tenant_id', '=', credential.tenant_id)
    .where('credential.owner_id', '=', credential.owner_id);

/** The account that a credential was last signed in with; undefined if it is not known. */
export async function rememberedAccount(
  db: Queryable,
  credential: CredentialRef,
): Promise<GrantAccount | undefined> {
  const row = await stateOf(db, credential)
    .select(['account_issuer', 'account_subject', 'account_email'])
    .executeTakeFirst();
  if (!row?.account_issuer || !row.account_subject) return undefined;
  return {
    issuer: row.account_issuer,
    subject: row.account_subject,
    ...(row.account_email === null ? {} : { email: row.account_email }),
  };
}

/** When the grant of a credential ends for good; undefined for one that is refreshed, or has no known end. */
export async function endOfGrant(db: Queryable, credential: CredentialRef): Promise<string | undefined> {
  const row = await stateOf(db, credential).select('ends_at').executeTakeFirst();
  return row?.ends_at ?? undefined;
}

/** Whether a credential was ever signed in, with any account. */
export async function hasHadGrant(db: Queryable, credential: CredentialRef): Promise<boolean> {
  const row = await stateOf(db, credential).select('credential_id').executeTakeFirst();
  return row !== undefined;
}

/** `unknown` if either side is unknown: that proves neither. */
export function compareAccounts(
  before: GrantAccount | undefined,
  after: GrantAccount | undefined,
): 'same' | 'different' | 'unknown' {
  if (!before || !after) return 'unknown';
  return before.issuer === after.issuer && before.subject === after.subject ? 'same' : 'different';
}

/** For display: enough to recognise one's own account, too little to learn another's. */
export function maskedAccount({ email, subject }: GrantAccount): string {
  const at = email?.lastIndexOf('@') ?? -1;
  if (email !== undefined && at > 0) return `${email.slice(0, Math.min(2, at))}…${email.slice(at)}`;
  return `${subject.slice(0, Math.min(3, Math.ceil(subject.length / 2)))}…`;
}
