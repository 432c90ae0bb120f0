import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import type { TokenSet } from '../../oauth/types.js';
import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable, GrantStateTable } from '../../store/tables.js';

// What is known of a grant without opening it: its account, its scopes, when it must be refreshed.
// docs/reference/grant-lifecycle.md has the states.

/** Sealed as the `grant` of a credential. */
export interface StoredGrant {
  tokens: TokenSet;
  /** Milliseconds since the epoch. */
  issuedAt: number;
  /** Who issued it: the issuer, or the token endpoint of a provider without one. */
  issuer?: string;
  /** Days after which the provider ends it if it is idle. */
  idleDays?: number;
}

export const storedGrant = (tokens: TokenSet, issuedAt: number, preset?: OAuthPreset): StoredGrant => ({
  tokens,
  issuedAt,
  ...(preset ? { issuer: preset.issuer ?? preset.tokenEndpoint } : {}),
  ...(preset?.idleDays === undefined ? {} : { idleDays: preset.idleDays }),
});

const dayMs = 86_400_000;

/** Half of the idle time, so that a missed round does not cost the grant. */
const keepAliveAt = ({ issuedAt, idleDays, tokens }: StoredGrant): string | null =>
  idleDays === undefined || tokens.refreshToken === undefined
    ? null
    : new Date(issuedAt + (idleDays * dayMs) / 2).toISOString();

/** When it ends for good; null if it can be refreshed, or if the provider named no end. */
export const endsAt = ({ tokens }: StoredGrant): string | null =>
  tokens.refreshToken !== undefined || tokens.expiresAt === undefined
    ? null
    : new Date(tokens.expiresAt).toISOString();

const scopesOf = (scope: string | null | undefined): Set<string> =>
  new Set((scope ?? '').split(' ').filter((each) => each !== ''));

/** Lost scopes, in their old order; null if none is lost. The order of scopes means nothing. */
export function scopesLost(before: string | null, after: string | undefined): string | null {
  if (before === null || after === undefined) return null;
  const kept = scopesOf(after);
  const lost = [...scopesOf(before)].filter((scope) => !kept.has(scope));
  return lost.length === 0 ? null : lost.join(' ');
}

/** No refresh is running, and nothing of a former one is left. */
export const settled = {
  holder: null,
  lease_until: null,
  intent_version: null,
  attempts: 0,
  failures: 0,
  not_before: null,
  backed_off_at: null,
} as const;

/** The grant of a completed sign-in: ends a running refresh of the older one. */
export async function recordNewGrant(
  tx: Queryable,
  credential: Pick<CredentialTable, 'id' | 'tenant_id'>,
  grant: StoredGrant,
): Promise<void> {
  const { tokens } = grant;
  const row: GrantStateTable = {
    credential_id: credential.id,
    tenant_id: credential.tenant_id,
    account_issuer: tokens.subject === undefined ? null : (grant.issuer ?? null),
    account_subject: tokens.subject ?? null,
    account_email: tokens.email ?? null,
    scope: tokens.scope ?? null,
    scope_lost: null,
    issued_at: new Date(grant.issuedAt).toISOString(),
    keep_alive_at: keepAliveAt(grant),
    ends_at: endsAt(grant),
    fence: 1,
    ...settled,
  };
  const { credential_id, tenant_id, fence, ...columns } = row;
  await tx
    .insertInto('grant_state')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .column('credential_id')
        .doUpdateSet((eb) => ({ ...columns, fence: eb('grant_state.fence', '+', 1) })),
    )
    .execute();
}

/** A credential that waits for its first grant, of an account that is already known. */
export async function recordAwaitedAccount(
  tx: Queryable,
  credential: Pick<CredentialTable, 'id' | 'tenant_id'>,
  { issuer, subject, email }: { issuer: string; subject: string; email?: string },
  at: string,
): Promise<void> {
  const account = { account_issuer: issuer, account_subject: subject, account_email: email ?? null };
  await tx
    .insertInto('grant_state')
    .values({
      ...{ credential_id: credential.id, tenant_id: credential.tenant_id, ...account, ...settled },
      ...{ scope: null, scope_lost: null, issued_at: at, keep_alive_at: null, ends_at: null, fence: 1 },
    })
    .execute();
}

/** Refreshed tokens of the same grant: its account stays, and lost scopes are recorded. */
export async function recordRefreshedGrant(
  tx: Queryable,
  credential: Pick<CredentialTable, 'id' | 'tenant_id'>,
  grant: StoredGrant,
): Promise<void> {
  const before = await tx
    .selectFrom('grant_state')
    .select(['scope', 'scope_lost'])
    .where('credential_id', '=', credential.id)
    .where('tenant_id', '=', credential.tenant_id)
    .executeTakeFirst();
  const lost = scopesLost(before?.scope ?? null, grant.tokens.scope);
  await tx
    .updateTable('grant_state')
    .set({
      ...settled,
      scope: grant.tokens.scope ?? before?.scope ?? null,
      scope_lost: lost ?? before?.scope_lost ?? null,
      issued_at: new Date(grant.issuedAt).toISOString(),
      keep_alive_at: keepAliveAt(grant),
      ends_at: endsAt(grant),
    })
    .where('credential_id', '=', credential.id)
    .where('tenant_id', '=', credential.tenant_id)
    .execute();
}
