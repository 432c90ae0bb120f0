// Columns of the store. Instants are ISO 8601 text in UTC, so that they sort as text; booleans are 0 and 1.

declare const isTokenHash: unique symbol;
/** Hash of a bearer secret; only `hashToken` of the keyring creates one. */
export type TokenHash = string & { readonly [isTokenHash]: true };

export interface SettingTable {
  name: string;
  value: string;
}

export interface TenantTable {
  id: string;
  name: string;
  created_at: string;
}

export interface UserTable {
  id: string;
  tenant_id: string;
  subject: string;
  name: string;
  email: string | null;
  status: 'active' | 'disabled';
  /** JSON array of tenant roles. */
  roles: string;
  /** Set for a machine user: its OAuth client. */
  client_id: string | null;
  created_at: string;
  updated_at: string;
}

export interface ApiKeyTable {
  id: string;
  tenant_id: string;
  user_id: string;
  token_hash: TokenHash;
  description: string;
  created_by: string;
  created_at: string;
  updated_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  /** The invitation of this key, or of the key that created it. */
  invitation_id: string | null;
  invited_by: string | null;
  /** Until an earlier access grant of the user approves the key, it does not reach credentials older than this. */
  reaches_since: string | null;
  /** The key that replaces it. */
  successor_id: string | null;
  /** JSON; null: everything that its user may do. */
  scopes: string | null;
}

export interface InvitationTable {
  id: string;
  tenant_id: string;
  user_id: string;
  token_hash: TokenHash;
  /** Null: created on the machine. */
  created_by: string | null;
  created_at: string;
  expires_at: string;
  redeemed_at: string | null;
  api_key_id: string | null;
}

export interface SpaceTable {
  id: string;
  tenant_id: string;
  name: string;
  name_key: string;
  type: 'shared' | 'managed' | 'data';
  description: string;
  owner_id: string;
  created_at: string;
  created_by: string;
  updated_at: string;
}

export interface AssignmentTable {
  id: string;
  tenant_id: string;
  space_id: string;
  user_id: string;
  created_at: string;
  created_by: string;
  updated_at: string;
  updated_by: string;
}

export interface AssignmentRoleTable {
  tenant_id: string;
  assignment_id: string;
  space_id: string;
  user_id: string;
  role: string;
}

export interface ConnectionTable {
  id: string;
  tenant_id: string;
  name: string;
  /** The name in the form in which names are compared. */
  name_key: string;
  /** Sort key of the name, case-insensitive. */
  name_fold: string;
  /** `space:<id>` or `user:<id>`; names are unique in it. */
  scope: string;
  space_id: string | null;
  owner_id: string;
  source_id: string;
  /** JSON of the definition, defaults applied; never a secret. */
  properties: string;
  /** JSON array: names of the properties that requests have set; null: written by 0.1.0, which did not store them. */
  set_names: string | null;
  separated: number;
  destination: string;
  qri: string;
  /** JSON array. */
  tags: string;
  version: number;
  created_at: string;
  updated_at: string;
  /**
   * Since when the connection's login (embedded credential, its own secrets) is suspended, because another user than
   * the one who entered it moved the connection; null when it is not.
   */
  suspended_at: string | null;
  suspended_by: string | null;
  /**
   * As `entered_at` and `entered_with` of a credential, for the connection's own secrets; null: from before this was
   * stored.
   */
  secrets_entered_at: string | null;
  secrets_entered_with: string | null;
}

/**
 * Number of connections of a source in a scope: the sum of the totals, written in the transaction that adds or
 * removes one.
 */
export interface ConnectionTallyTable {
  tenant_id: string;
  scope: string;
  source_id: string;
  /** Empty: the folded row; otherwise one change. */
  part: string;
  total: number;
}

export interface SourceSettingTable {
  tenant_id: string;
  source_id: string;
  disabled: number;
  updated_at: string;
  updated_by: string;
}

export interface CredentialTable {
  id: string;
  tenant_id: string;
  owner_id: string;
  source_id: string;
  name: string;
  name_key: string;
  separated: number;
  /** Set for an embedded credential. */
  connection_id: string | null;
  sign_in: string;
  state: 'ready' | 'needs_sign_in';
  /** Version of the sealed secret; every replacement adds one. */
  version: number;
  created_at: string;
  updated_at: string;
  /** When its secret was last entered; empty: from before this was stored. Renewing its grant does not count. */
  entered_at: string;
  /** The invitation whose key entered it while that key awaited approval. */
  entered_with: string | null;
}

export interface SecretTable {
  tenant_id: string;
  record_kind:
    | 'credential'
    | 'connection'
    | 'sign-in'
    | 'signing-key'
    | 'revocation'
    | 'use-key'
    | 'use-head';
  record_id: string;
  field: string;
  owner_id: string;
  version: number;
  key_id: string;
  wrapped_key: string;
  ciphertext: string;
}

/**
 * The life of an interactive grant: docs/reference/grant-lifecycle.md. Nothing here is secret. The row exists from
 * the first grant of a credential to its deletion.
 */
export interface GrantStateTable {
  credential_id: string;
  tenant_id: string;
  /** Account that signed in, as the provider names it; null where it names none. */
  account_issuer: string | null;
  account_subject: string | null;
  account_email: string | null;
  /** Granted scopes, space-separated; null when the provider never returned them. */
  scope: string | null;
  /** Scopes that an earlier grant had and this one lacks; null without any. */
  scope_lost: string | null;
  /** When the stored tokens were issued. */
  issued_at: string;
  /** When an unused grant is renewed, so that its provider does not end it; null where none does. */
  keep_alive_at: string | null;
  /** When it ends for good, where its provider offers no way to renew it; null for every other grant. */
  ends_at: string | null;
  /** Process that renews the grant; null without one. `lease_until` does not prove it alive or gone. */
  holder: string | null;
  /** Fencing token: incremented with every holder, so that a late one is detected. */
  fence: number;
  lease_until: string | null;
  /** Version of the sealed grant that is being renewed: the intent. Stays when the outcome is unknown. */
  intent_version: number | null;
  /** Token requests with the stored refresh token whose outcome is unknown, including the running one. */
  attempts: number;
  /** Consecutive failed renewals; the pause grows with it. */
  failures: number;
  /** No request to the provider before this; null: at once. */
  not_before: string | null;
  /** When that pause began, if it is our own backoff; null where the provider requested it, or without a pause. */
  backed_off_at: string | null;
}

/** The end of a credential, and whether its grant was revoked at the provider. */
export interface RevocationTable {
  id: string;
  tenant_id: string;
  credential_id: string;
  credential_name: string;
  owner_id: string;
  source_id: string;
  /** Shared by credentials that were revoked together. */
  batch_id: string | null;
  /**
   * `none`: there was no grant to revoke. `queued`: the revocation request is pending. `unsupported`: the provider
   * has no revocation. `unreadable`: the grant no longer opens. `failed`: given up.
   */
  status: 'none' | 'queued' | 'revoked' | 'unsupported' | 'unreadable' | 'failed';
  attempts: number;
  not_before: string;
  /** Lease of the node that sends the request. */
  lease_until: string | null;
  created_at: string;
  ended_at: string | null;
}

/** The end of many credentials; its id is the `batch_id` of each. */
export interface RevocationJobTable {
  id: string;
  tenant_id: string;
  /** Credentials of this user, or of this source; neither: all. */
  owner_id: string | null;
  source_id: string | null;
  status: 'running' | 'done';
  /** Number of credentials when it was requested. */
  total: number;
  /** Lease of the node that works on it. */
  lease_until: string | null;
  created_at: string;
  ended_at: string | null;
}

/** One new secret for many credentials of a user. */
export interface CredentialChangeTable {
  id: string;
  tenant_id: string;
  user_id: string;
  /** `final`: the former secrets are destroyed. */
  status: 'switched' | 'undone' | 'final';
  /** JSON of the rehearsal; never a secret. */
  report: string;
  created_at: string;
  undo_until: string;
}

export interface CredentialChangeItemTable {
  tenant_id: string;
  change_id: string;
  credential_id: string;
  /** Version of the sealed login before the change; the changed one is the next. */
  version_before: number;
}

export interface DestinationTable {
  tenant_id: string;
  credential_id: string;
  destination: string;
  confirmed_at: string;
}

export interface LinkTable {
  tenant_id: string;
  connection_id: string;
  user_id: string;
  credential_id: string;
  created_at: string;
}

export interface SignInTable {
  id: string;
  tenant_id: string;
  user_id: string;
  source_id: string;
  sign_in: string;
  connection_id: string | null;
  /** Name shown on the callback page. */
  connection_name: string | null;
  destination: string;
  /** Segment of the redirect path: one per authorization server, so that a code of another one is detected. */
  context: string;
  state_hash: string;
  issuer: string | null;
  /** The issuer's metadata promises `iss` in the redirect (RFC 9207). */
  issuer_promised: number;
  redirect_uri: string;
  /** `needs_choice`: a different account has signed in; its grant is sealed with the sign-in. */
  status: 'pending' | 'arrived' | 'redeeming' | 'needs_choice' | 'completed' | 'failed' | 'expired';
  ticket_hash: string | null;
  code_hash: string | null;
  /** For a device sign-in: seconds between two polls, and when the next is allowed. */
  device_interval: number | null;
  device_next_at: string | null;
  error: string | null;
  created_at: string;
  expires_at: string;
  /** Credential of the same user that is being renewed. */
  credential_id: string | null;
  /** Account that signed in, while the user has to choose. */
  account_issuer: string | null;
  account_subject: string | null;
  account_email: string | null;
}

export interface IntentTable {
  id: string;
  tenant_id: string;
  /** The exchange of a code; refreshes and revocations have their own trace. */
  kind: 'redeem';
  record_id: string;
  created_at: string;
}

/** The usage log (room `usage-log`). The start of a use, or its outcome, which refers only to the start. */
export interface UseRecordTable {
  tenant_id: string;
  /** 0 to 63; -1: the single chain of version 0.1, which is closed. */
  shard: number;
  /** Place in the shard, from 1 without a gap. */
  seq: number;
  at: string;
  /** Last checkpoint that the writer knew: if it is missing later, its loss is detected. */
  checkpoint: number | null;
  /** User whose rights apply; null in outcomes, as everything down to `what_hash`. */
  user_id: string | null;
  /** OAuth client that acted; null: the user themselves. */
  client_id: string | null;
  /** Kind and id of the access grant. */
  via_kind: 'api-key' | 'access-token' | null;
  via_id: string | null;
  connection_id: string | null;
  /** Space of the connection at that time. */
  space_id: string | null;
  credential_id: string | null;
  credential_owner_id: string | null;
  credential_version: number | null;
  action: string | null;
  /** HMAC of path or query under a sealed key of the tenant: shows only whether two were equal. */
  what_hash: string | null;
  /** For an outcome: its start, in the same shard. */
  of_seq: number | null;
  /** `started`, or the outcome. */
  result: string;
  rows: number | null;
  bytes: number | null;
  hash: string;
}

/** Last record of a shard. Appending to the shard locks this row. */
export interface UseShardTable {
  tenant_id: string;
  shard: number;
  seq: number;
  hash: string;
}

/** Heads of all shards at one moment, signed and chained. */
export interface UseCheckpointTable {
  tenant_id: string;
  number: number;
  at: string;
  /** 1: `heads` lists every shard; 0: those that moved since the previous checkpoint. */
  is_full: number;
  /** JSON: `[shard, seq, hash][]`. */
  heads: string;
  /** The checkpoint where the retained log begins; 0: the beginning. */
  kept_from: number;
  /** Version of the key that signs it and the records after it. */
  key_version: number;
  /** Why the log was begun, or restarted, here. */
  note: string | null;
  previous_hash: string;
  hash: string;
}

export interface OAuthClientTable {
  id: string;
  tenant_id: string;
  user_id: string;
  name: string;
  description: string;
  app_type: 'web';
  /** JSON array. */
  allowed_scopes: string;
  client_uri: string;
  logo_uri: string;
  created_at: string;
  created_by: string;
  updated_at: string;
}

export interface OAuthClientSecretTable {
  tenant_id: string;
  client_id: string;
  hint: string;
  secret_hash: TokenHash;
  created_at: string;
  created_by: string;
}

export interface OAuthTokenTable {
  /** The token's `jti`; the token itself is not stored. */
  id: string;
  tenant_id: string;
  client_id: string;
  user_id: string;
  /** Space-separated. */
  scope: string;
  created_at: string;
  expires_at: string;
}

export interface AuditEventTable {
  id: string;
  tenant_id: string;
  at: string;
  type: string;
  source: string;
  user_id: string;
  resource_id: string;
  owner_id: string | null;
  space_id: string | null;
  top_level_id: string | null;
  /** JSON object; never a secret. */
  data: string;
}

export interface RateCountTable {
  tenant_id: string;
  tier: number;
  /** Number of the slice of time since the epoch. */
  slice: number;
  user_id: string;
  requests: number;
}

export interface IdempotentRequestTable {
  tenant_id: string;
  user_id: string;
  route: string;
  /** SHA-256 of the key. */
  key_hash: string;
  /** Id of the request that answers it. */
  claim: string;
  is_answered: number;
  key_id: string;
  wrapped_key: string;
  /** Fingerprint of the request and, once finished, its answer; both may contain secrets. */
  ciphertext: string;
  created_at: string;
  /** Length of the ciphertext. */
  bytes: number;
}

/** A key that wraps data keys, itself sealed under a master key. */
export interface VaultKeyTable {
  id: string;
  /**
   * `coming`: nodes are loading it; nothing is sealed under it yet. `own`: nothing is ever sealed under it; token
   * hashes and the proof of archives depend on it, so it is neither rotated nor retired.
   */
  state: 'coming' | 'active' | 'previous' | 'own';
  master_id: string;
  wrapped_key: string;
  ciphertext: string;
  /** Data keys wrapped so far, never too few: counted in blocks reserved ahead. */
  wraps: number;
  created_at: string;
  replaced_at: string | null;
}

export interface Tables {
  vault_key: VaultKeyTable;
  setting: SettingTable;
  tenant: TenantTable;
  user: UserTable;
  api_key: ApiKeyTable;
  invitation: InvitationTable;
  space: SpaceTable;
  assignment: AssignmentTable;
  assignment_role: AssignmentRoleTable;
  connection: ConnectionTable;
  connection_tally: ConnectionTallyTable;
  source_setting: SourceSettingTable;
  credential: CredentialTable;
  secret: SecretTable;
  grant_state: GrantStateTable;
  revocation: RevocationTable;
  revocation_job: RevocationJobTable;
  credential_change: CredentialChangeTable;
  credential_change_item: CredentialChangeItemTable;
  credential_destination: DestinationTable;
  credential_link: LinkTable;
  sign_in: SignInTable;
  intent: IntentTable;
  use_record: UseRecordTable;
  use_shard: UseShardTable;
  use_checkpoint: UseCheckpointTable;
  oauth_client: OAuthClientTable;
  oauth_client_secret: OAuthClientSecretTable;
  oauth_token: OAuthTokenTable;
  audit_event: AuditEventTable;
  rate_count: RateCountTable;
  idempotent_request: IdempotentRequestTable;
}
