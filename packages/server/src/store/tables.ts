// Columns of the store. Instants are ISO 8601 text in UTC, so that they sort as text; booleans are 0 and 1.

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
  created_at: string;
  updated_at: string;
}

export interface ApiKeyTable {
  id: string;
  tenant_id: string;
  user_id: string;
  /** SHA-256 of the token. */
  token_hash: string;
  description: string;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
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
  /** The name as it is compared. */
  name_key: string;
  /** `space:<id>` or `user:<id>`; names are unique in it. */
  scope: string;
  space_id: string | null;
  owner_id: string;
  source_id: string;
  /** JSON of the definition; never a secret. */
  properties: string;
  separated: number;
  destination: string;
  qri: string;
  /** JSON array. */
  tags: string;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface CredentialTable {
  id: string;
  tenant_id: string;
  owner_id: string;
  source_id: string;
  name: string;
  name_key: string;
  separated: number;
  /** Of an embedded credential. */
  connection_id: string | null;
  sign_in: string;
  state: 'ready' | 'needs_sign_in';
  /** Version of the sealed secret; every replacement adds one. */
  version: number;
  created_at: string;
  updated_at: string;
}

export interface SecretTable {
  tenant_id: string;
  record_kind: 'credential' | 'connection' | 'sign-in';
  record_id: string;
  field: string;
  owner_id: string;
  version: number;
  key_id: string;
  wrapped_key: string;
  ciphertext: string;
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
  /** Segment of the redirect path: one for every authorization server, so that a code of another shows. */
  context: string;
  state_hash: string;
  issuer: string | null;
  /** The issuer's metadata promises `iss` in the redirect (RFC 9207). */
  issuer_promised: number;
  redirect_uri: string;
  status: 'pending' | 'arrived' | 'redeeming' | 'completed' | 'failed' | 'expired';
  ticket_hash: string | null;
  code_hash: string | null;
  error: string | null;
  created_at: string;
  expires_at: string;
}

export interface IntentTable {
  id: string;
  tenant_id: string;
  kind: 'redeem' | 'refresh' | 'revoke';
  record_id: string;
  created_at: string;
}

export interface UseTable {
  tenant_id: string;
  seq: number;
  at: string;
  user_id: string;
  connection_id: string;
  credential_id: string | null;
  credential_owner_id: string | null;
  action: string;
  /** `started`, or the outcome of an earlier record. */
  result: string;
  rows: number | null;
  of_seq: number | null;
  previous_hash: string;
  hash: string;
}

export interface Tables {
  setting: SettingTable;
  tenant: TenantTable;
  user: UserTable;
  api_key: ApiKeyTable;
  space: SpaceTable;
  assignment: AssignmentTable;
  assignment_role: AssignmentRoleTable;
  connection: ConnectionTable;
  credential: CredentialTable;
  secret: SecretTable;
  credential_destination: DestinationTable;
  credential_link: LinkTable;
  sign_in: SignInTable;
  intent: IntentTable;
  use: UseTable;
}
