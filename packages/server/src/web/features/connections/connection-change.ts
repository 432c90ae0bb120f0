/** What a PUT, a PATCH or a bulk update asks for; absent members stay as they are. */
export interface ConnectionChange {
  name?: string;
  tags?: string[];
  /** Null: the personal space of the owner. */
  spaceId?: string | null;
  ownerId?: string;
  /** What the space is said to be. */
  spaceType?: string;
  /** The whole of `connectionProperties` as it would be given to a create, with secrets only where they are new. */
  properties?: Record<string, unknown>;
  /** The connect statement is another: an embedded credential comes with it, whatever changed. */
  isRestated?: boolean;
  /** A separated credential of the caller to link; null unlinks. */
  credentialId?: string | null;
}
