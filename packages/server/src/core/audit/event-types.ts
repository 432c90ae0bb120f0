/** All audit events, by kind of resource. */
export const auditEvents = {
  'data-connection': ['created', 'updated', 'deleted', 'shows-credential'],
  'data-credential': ['created', 'updated', 'deleted', 'revoked'],
  'data-credential-change': ['created', 'undone'],
  'data-use': ['refused'],
  'data-source': ['updated'],
  'source-sign-in': ['refused'],
  'use-record': ['key-remade'],
  destination: ['refused', 'recomputed'],
  'sign-in': ['completed'],
  space: ['created', 'updated', 'deleted'],
  'space-assignment': ['created', 'updated', 'deleted'],
  user: ['created', 'updated', 'disabled', 'left', 'deleted'],
  'api-key': ['created', 'updated', 'approved', 'revoked'],
  invitation: ['created', 'redeemed', 'deleted'],
  'oauth-client': ['created', 'updated', 'deleted'],
  'oauth-client-secret': ['created', 'deleted'],
  'vault-key': ['rotated', 'retired'],
  'sealed-record': ['lost'],
  store: ['restored', 'moved'],
  'oauth-token': ['issued', 'revoked'],
} as const;

type Kinds = typeof auditEvents;
export type AuditKind = keyof Kinds;
/** For instance `data-connection.created`. */
export type AuditEventName = { [Kind in AuditKind]: `${Kind}.${Kinds[Kind][number]}` }[AuditKind];

/** As clients see it, for instance `mooring.v1.data-connection.created`. */
export const eventTypeOf = (name: AuditEventName): string => `mooring.v1.${name}`;

/** As clients see it, for instance `mooring/data-connection`. */
export const sourceOf = (kind: AuditKind): string => `mooring/${kind}`;
