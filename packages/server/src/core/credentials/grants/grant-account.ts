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

/** The grant that a credential has or had, without opening it; undefined for one that was never signed in. */
export async function formerGrant(
  db: Queryable,
  credential: CredentialRef,
): Promise<{ account?: GrantAccount; endsAt: string | null } | undefined> {
  const row = await db
    .selectFrom('grant_state')
    .innerJoin('credential', 'credential.id', 'grant_state.credential_id')
    .selectAll('grant_state')
    .where('grant_state.credential_id', '=', credential.id)
    .where('grant_state.tenant_id', '=', credential.tenant_id)
    .where('credential.tenant_id', '=', credential.tenant_id)
    .where('credential.owner_id', '=', credential.owner_id)
    .executeTakeFirst();
  if (!row) return undefined;
  const { account_issuer: issuer, account_subject: subject, account_email: email, ends_at: endsAt } = row;
  if (!issuer || !subject) return { endsAt };
  return { account: { issuer, subject, ...(email === null ? {} : { email }) }, endsAt };
}

/** The account that a credential was last signed in with; undefined if it is not known. */
export const rememberedAccount = async (db: Queryable, credential: CredentialRef) =>
  (await formerGrant(db, credential))?.account;

/** When the grant of a credential ends for good; undefined for one that is refreshed, or has no known end. */
export const endOfGrant = async (db: Queryable, credential: CredentialRef): Promise<string | undefined> =>
  (await formerGrant(db, credential))?.endsAt ?? undefined;

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
