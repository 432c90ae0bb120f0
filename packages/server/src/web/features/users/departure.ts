import type { UserLeaveReply } from '@mooring/contract/routes/leave-user';
import type { SelectQueryBuilder } from 'kysely';
import { countCredentialsIn, openSignInsIn } from '../../../core/credentials/records.js';
import { countRows } from '../../../core/store/count-rows.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { UserTable } from '../../../core/store/tables.js';
import { countRunningUses } from '../../../core/usage-log/list.js';

// What a leaving user has: what ends with them, and what stays without an owner.

export type Departure = Omit<UserLeaveReply, 'plan' | 'revocation'>;

type Leaver = Pick<UserTable, 'id' | 'tenant_id' | 'subject' | 'name'>;

/** By the store's clock, ISO 8601. */
export interface Times {
  now: string;
  /** Uses that began earlier no longer count as running. */
  usesFrom: string;
}

const shownMost = 100;

async function firstOf<Schema, Name extends keyof Schema, Row, Item>(
  matching: SelectQueryBuilder<Schema, Name, Row>,
  items: Promise<Item[]>,
): Promise<{ total: number; data: Item[] }> {
  return { data: await items, total: await countRows(matching) };
}

function connectionsOwnedBy(db: Queryable, { id, tenant_id }: Leaver) {
  return db.selectFrom('connection').where('tenant_id', '=', tenant_id).where('owner_id', '=', id);
}

/** Connections whose embedded credential is the user's, independent of their owners. */
function connectionsWithLoginOf(db: Queryable, { id, tenant_id }: Leaver) {
  return db
    .selectFrom('connection')
    .where('connection.tenant_id', '=', tenant_id)
    .where('connection.id', 'in', (eb) =>
      eb
        .selectFrom('credential')
        .select((of) => of.ref('connection_id').$notNull().as('id'))
        .where('owner_id', '=', id)
        .where('tenant_id', '=', tenant_id)
        .where('connection_id', 'is not', null),
    );
}

type Connections = ReturnType<typeof connectionsOwnedBy>;

const firstConnections = (of: Connections) =>
  firstOf(
    of,
    of
      .select(['id', 'name', 'source_id', 'space_id', 'owner_id'])
      .orderBy('id')
      .limit(shownMost)
      .execute()
      .then((rows) =>
        rows.map((row) => ({
          ...{ qID: row.id, qName: row.name, datasourceID: row.source_id, ownerId: row.owner_id },
          ...(row.space_id === null ? {} : { spaceId: row.space_id }),
        })),
      ),
  );

async function endsOf(db: Queryable, user: Leaver, { now, usesFrom }: Times): Promise<Departure['ends']> {
  const { id, tenant_id } = user;
  const scope = { tenantId: tenant_id, userId: id };
  const activeKeys = db
    .selectFrom('api_key')
    .where('tenant_id', '=', tenant_id)
    .where('user_id', '=', id)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]));
  const openInvitations = db
    .selectFrom('invitation')
    .where('tenant_id', '=', tenant_id)
    .where((eb) => eb.or([eb('user_id', '=', id), eb('created_by', '=', id)]))
    .where('redeemed_at', 'is', null)
    .where('expires_at', '>', now);
  const memberships = db
    .selectFrom('assignment')
    .where('tenant_id', '=', tenant_id)
    .where('user_id', '=', id);
  const grants = db
    .selectFrom('grant_state')
    .innerJoin('credential', 'credential.id', 'grant_state.credential_id')
    .where('grant_state.tenant_id', '=', tenant_id)
    .where('credential.tenant_id', '=', tenant_id)
    .where('credential.owner_id', '=', id);
  return {
    apiKeys: await countRows(activeKeys),
    invitations: await countRows(openInvitations),
    signIns: (await openSignInsIn(db, scope)).length,
    credentials: await countCredentialsIn(db, scope),
    grants: await countRows(grants),
    memberships: await countRows(memberships),
    uses: await countRunningUses(db, { ...scope, from: usesFrom }),
  };
}

async function withoutOwnerOf(db: Queryable, user: Leaver): Promise<Departure['withoutOwner']> {
  const spaces = db
    .selectFrom('space')
    .where('tenant_id', '=', user.tenant_id)
    .where('owner_id', '=', user.id);
  const clients = db
    .selectFrom('oauth_client')
    .where('oauth_client.tenant_id', '=', user.tenant_id)
    .where('oauth_client.id', 'in', (eb) =>
      eb
        .selectFrom('oauth_client_secret')
        .select('client_id')
        .where('tenant_id', '=', user.tenant_id)
        .where('created_by', '=', user.id),
    );
  return {
    connections: await firstConnections(connectionsOwnedBy(db, user)),
    spaces: await firstOf(spaces, spaces.select(['id', 'name']).orderBy('id').limit(shownMost).execute()),
    oauthClients: await firstOf(
      clients,
      clients.select(['id', 'name']).orderBy('id').limit(shownMost).execute(),
    ),
  };
}

export async function departureOf(db: Queryable, user: Leaver, times: Times): Promise<Departure> {
  return {
    ...{ userId: user.id, subject: user.subject, name: user.name },
    ends: await endsOf(db, user, times),
    withoutLogin: await firstConnections(connectionsWithLoginOf(db, user)),
    withoutOwner: await withoutOwnerOf(db, user),
  };
}
