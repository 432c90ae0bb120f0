import { type Kysely, PostgresAdapter } from 'kysely';
import { ddl } from '../ddl.js';
import { raiseKeyFence } from '../key-fence.js';

// A client may choose the id of a new connection, so ids are unique per tenant. SQLite cannot change a key of an
// existing table, and dropping a table empties the tables that refer to it; so all tables that refer to each other
// are recreated and replace the former ones, referring tables first.

const ofConnection =
  'FOREIGN KEY (tenant_id, connection_id) REFERENCES connection_next (tenant_id, id) ON DELETE CASCADE';
const ofCredential = 'credential_id text NOT NULL REFERENCES credential_next (id) ON DELETE CASCADE';

const tables = [
  `CREATE TABLE connection_next (
    id text NOT NULL, tenant_id text NOT NULL REFERENCES tenant (id), name text NOT NULL, name_key text NOT NULL,
    scope text NOT NULL, space_id text REFERENCES space (id), owner_id text NOT NULL REFERENCES "user" (id),
    source_id text NOT NULL, properties text NOT NULL, separated integer NOT NULL, destination text NOT NULL,
    qri text NOT NULL, tags text NOT NULL, version integer NOT NULL, created_at text NOT NULL, updated_at text NOT NULL,
    name_fold text NOT NULL DEFAULT '', secrets_entered_at text, secrets_entered_with text, suspended_at text,
    suspended_by text, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, scope, name_key))`,
  `CREATE TABLE credential_next (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id),
    owner_id text NOT NULL REFERENCES "user" (id), source_id text NOT NULL, name text NOT NULL, name_key text NOT NULL,
    separated integer NOT NULL, connection_id text, sign_in text NOT NULL, state text NOT NULL, version integer NOT NULL,
    created_at text NOT NULL, updated_at text NOT NULL, entered_at text NOT NULL DEFAULT '', entered_with text,
    UNIQUE (tenant_id, connection_id), ${ofConnection})`,
  `CREATE TABLE credential_destination_next (
    tenant_id text NOT NULL, ${ofCredential}, destination text NOT NULL, confirmed_at text NOT NULL,
    PRIMARY KEY (credential_id, destination))`,
  `CREATE TABLE credential_link_next (
    tenant_id text NOT NULL, connection_id text NOT NULL,
    user_id text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE, ${ofCredential}, created_at text NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, user_id), ${ofConnection})`,
  `CREATE TABLE grant_state_next (
    ${ofCredential} PRIMARY KEY, tenant_id text NOT NULL, account_issuer text, account_subject text,
    account_email text, scope text, scope_lost text, issued_at text NOT NULL, keep_alive_at text, holder text,
    fence integer NOT NULL, lease_until text, intent_version integer, attempts integer NOT NULL,
    failures integer NOT NULL, not_before text, backed_off_at text, ends_at text)`,
  `CREATE TABLE secret_next (
    tenant_id text NOT NULL, record_kind text NOT NULL, record_id text NOT NULL, field text NOT NULL,
    owner_id text NOT NULL, version integer NOT NULL, key_id text NOT NULL, wrapped_key text NOT NULL,
    ciphertext text NOT NULL, PRIMARY KEY (record_kind, record_id, tenant_id, field))`,
];

/** One that others refer to before them. */
const columns = {
  connection: `id, tenant_id, name, name_key, scope, space_id, owner_id, source_id, properties, separated, destination,
    qri, tags, version, created_at, updated_at, name_fold, secrets_entered_at, secrets_entered_with, suspended_at,
    suspended_by`,
  credential: `id, tenant_id, owner_id, source_id, name, name_key, separated, connection_id, sign_in, state, version,
    created_at, updated_at, entered_at, entered_with`,
  credential_destination: 'tenant_id, credential_id, destination, confirmed_at',
  credential_link: 'tenant_id, connection_id, user_id, credential_id, created_at',
  grant_state: `credential_id, tenant_id, account_issuer, account_subject, account_email, scope, scope_lost, issued_at,
    keep_alive_at, holder, fence, lease_until, intent_version, attempts, failures, not_before, backed_off_at, ends_at`,
  secret: 'tenant_id, record_kind, record_id, field, owner_id, version, key_id, wrapped_key, ciphertext',
};
const names = Object.keys(columns);

// As before, except the one on ids per tenant, which is the key now.
const indexes = [
  `CREATE INDEX connection_space ON connection (tenant_id, space_id, id)`,
  `CREATE INDEX connection_owner ON connection (tenant_id, owner_id, id)`,
  `CREATE INDEX connection_name ON connection (tenant_id, name_key, id)`,
  `CREATE INDEX connection_fold ON connection (tenant_id, name_fold, id)`,
  `CREATE INDEX connection_created ON connection (tenant_id, created_at, id)`,
  `CREATE INDEX connection_updated ON connection (tenant_id, updated_at, id)`,
  `CREATE INDEX connection_scope_id ON connection (tenant_id, scope, id)`,
  `CREATE INDEX connection_scope_name ON connection (tenant_id, scope, name_key, id)`,
  `CREATE INDEX connection_scope_fold ON connection (tenant_id, scope, name_fold, id)`,
  `CREATE INDEX connection_scope_created ON connection (tenant_id, scope, created_at, id)`,
  `CREATE INDEX connection_scope_updated ON connection (tenant_id, scope, updated_at, id)`,
  `CREATE UNIQUE INDEX credential_name ON credential (tenant_id, owner_id, source_id, name_key) WHERE separated = 1`,
  `CREATE INDEX credential_owner ON credential (tenant_id, owner_id, created_at, id)`,
  `CREATE INDEX credential_owner_id_order ON credential (tenant_id, owner_id, id)`,
  `CREATE INDEX credential_source ON credential (tenant_id, source_id, id)`,
  `CREATE INDEX credential_tenant ON credential (tenant_id, id)`,
  `CREATE INDEX credential_link_credential ON credential_link (credential_id)`,
  `CREATE INDEX grant_state_keep_alive ON grant_state (keep_alive_at)`,
  `CREATE INDEX grant_state_account ON grant_state (tenant_id, account_issuer, account_subject)`,
  `CREATE INDEX grant_state_holder ON grant_state (holder)`,
  `CREATE INDEX secret_key ON secret (key_id, record_kind, record_id, tenant_id, field)`,
];

const statements = [
  ...tables,
  ...Object.entries(columns).map(
    ([name, all]) => `INSERT INTO ${name}_next (${all}) SELECT ${all} FROM ${name}`,
  ),
  ...names.toReversed().map((name) => `DROP TABLE ${name}`),
  ...names.map((name) => `ALTER TABLE ${name}_next RENAME TO ${name}`),
  ...indexes,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
  if (db.getExecutor().adapter instanceof PostgresAdapter) await raiseKeyFence(db, ['secret']);
}
