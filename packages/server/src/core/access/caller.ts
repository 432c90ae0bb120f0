/** Who is calling, as established from the bearer token. */
export interface Caller {
  userId: string;
  tenantId: string;
  name: string;
  /** Tenant roles. */
  roles: readonly string[];
  /** API key or access token the request came with. */
  keyId: string;
  keyKind: 'api-key' | 'access-token';
  /** OAuth client that acts; absent: the user themselves. */
  clientId?: string;
  /** Of a key that is for less than everything its user may. */
  scopes?: readonly string[];
  /** Of a key that came from an invitation, and of keys made with it. */
  wayIn?: WayIn;
}

export interface WayIn {
  invitationId: string;
  invitedBy: string;
  /** Until an earlier access grant of the user approves the key: what is older than this is out of its reach. */
  reachesSince?: string;
}
