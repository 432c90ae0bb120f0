/** What a PUT, a PATCH or a bulk update asks for; absent members stay as they are. */
export interface ConnectionUpdate {
  name?: string;
  tags?: string[];
  /** Null: the personal space of the owner. */
  spaceId?: string | null;
  ownerId?: string;
  /** The type that the request states for the space. */
  spaceType?: string;
  /** The whole of `connectionProperties`, as for a create; of the secrets only those that are new. */
  properties?: Record<string, unknown>;
  /** The connect statement differs: an embedded credential must be sent with it, whatever differs. */
  isRestated?: boolean;
  /** A separated credential of the caller to link; null unlinks. */
  credentialId?: string | null;
}
