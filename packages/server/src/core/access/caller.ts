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
  /** Scopes of an API key; absent: everything its user may do. */
  scopes?: readonly string[];
  /** Set for a key from an invitation, and for keys created with it. */
  wayIn?: WayIn;
}

export interface WayIn {
  invitationId: string;
  invitedBy: string;
  /** Until an earlier access grant of the user approves the key, it does not reach credentials older than this. */
  reachesSince?: string;
}
