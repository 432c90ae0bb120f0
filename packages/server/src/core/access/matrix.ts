import type { Privilege } from '@mooring/contract/routes/data-connections';
import type { SpaceRole, SpaceType } from '@mooring/contract/routes/spaces';
import type { TenantRole } from '@mooring/contract/routes/users';
import type { Caller } from './caller.js';

// The role matrix as data: QLIK.md 6.1 to 6.3. Decisions, list filters and the permissions page read it here.

/** Role of the user who owns a space. Not assignable, so it is not one of the roles. */
export type SpaceStanding = SpaceRole | 'owner';

/** What a standing allows on the connections of a space. `own` limits it to connections that the user owns. */
export interface Grant {
  see: boolean;
  use: boolean;
  create: boolean;
  updateOwn: boolean;
  delete: 'any' | 'own' | 'none';
}

const nothing: Grant = { see: false, use: false, create: false, updateOwn: false, delete: 'none' };
const uses: Grant = { ...nothing, see: true, use: true };
const makes: Grant = { see: true, use: true, create: true, updateOwn: true, delete: 'own' };
const manages: Grant = { ...makes, delete: 'any' };

export const spaceMatrix: Readonly<Record<SpaceType, Readonly<Partial<Record<SpaceStanding, Grant>>>>> = {
  shared: { owner: manages, facilitator: manages, producer: makes, codeveloper: makes, dataconsumer: uses },
  managed: { owner: manages, facilitator: manages, dataconsumer: uses },
  data: { owner: manages, facilitator: manages, producer: uses, dataconsumer: uses },
};

/** Roles that may be assigned in a space of each type. */
export const assignableRoles: Readonly<Record<SpaceType, readonly SpaceRole[]>> = {
  shared: ['codeveloper', 'consumer', 'dataconsumer', 'facilitator', 'producer'],
  managed: [
    'basicconsumer',
    'consumer',
    'contributor',
    'dataconsumer',
    'facilitator',
    'operator',
    'publisher',
  ],
  data: ['consumer', 'dataconsumer', 'datapreview', 'facilitator', 'operator', 'producer', 'publisher'],
};

/** Space types that a tenant role administers; administrators never use data by that role. */
export const administers: Readonly<Record<TenantRole, readonly (SpaceType | 'personal')[]>> = {
  TenantAdmin: ['shared', 'managed', 'data', 'personal'],
  AnalyticsAdmin: ['shared', 'managed'],
  DataAdmin: ['data'],
  AuditAdmin: [],
};

const administrator: readonly Privilege[] = [
  'change_owner',
  'change_space',
  'delete',
  'list',
  'read',
  'update',
];
const personalOwner: readonly Privilege[] = ['change_space', 'delete', 'list', 'read', 'update'];

/** Everything the decision depends on. */
export interface ConnectionFacts {
  ownerId: string;
  /** Absent in a personal space. */
  space?: { type: SpaceType; ownerId: string; rolesOfCaller: readonly SpaceRole[] };
}

export interface Decision {
  privileges: Privilege[];
  mayUse: boolean;
}

/** The user to decide about. */
export type Subject = Pick<Caller, 'userId' | 'roles'>;

/** True when one of the user's tenant roles administers spaces of this type. */
export function isAdministratorOf(subject: Subject, type: SpaceType | 'personal'): boolean {
  return subject.roles.some((role) => (administers[role as TenantRole] ?? []).includes(type));
}

/** The user's effective standing in a space: the highest wins. */
export function grantIn(subject: Subject, space: NonNullable<ConnectionFacts['space']>): Grant {
  const standings: SpaceStanding[] = [
    ...space.rolesOfCaller,
    ...(space.ownerId === subject.userId ? (['owner'] as const) : []),
  ];
  const grants = standings.map((standing) => spaceMatrix[space.type][standing] ?? nothing);
  return {
    see: grants.some((grant) => grant.see),
    use: grants.some((grant) => grant.use),
    create: grants.some((grant) => grant.create),
    updateOwn: grants.some((grant) => grant.updateOwn),
    delete: grants.some((grant) => grant.delete === 'any')
      ? 'any'
      : grants.some((grant) => grant.delete === 'own')
        ? 'own'
        : 'none',
  };
}

/** True for the owner and the facilitators of a space. */
export const administersSpace = (subject: Subject, space: NonNullable<ConnectionFacts['space']>): boolean =>
  grantIn(subject, space).delete === 'any';

/** The only place that decides what a user may do to a connection. Privileges are sorted, as in Qlik's replies. */
export function decide(subject: Subject, connection: ConnectionFacts): Decision {
  const isOwner = connection.ownerId === subject.userId;
  const isAdministrator = isAdministratorOf(subject, connection.space?.type ?? 'personal');
  const privileges = new Set<Privilege>(isAdministrator ? administrator : []);
  if (!connection.space) {
    if (isOwner) for (const privilege of personalOwner) privileges.add(privilege);
    return { privileges: [...privileges].toSorted(), mayUse: isOwner };
  }
  const grant = grantIn(subject, connection.space);
  if (grant.see) privileges.add('list').add('read');
  if (isOwner && grant.updateOwn) privileges.add('update').add('change_space');
  if (grant.delete === 'any' || (isOwner && grant.delete === 'own')) privileges.add('delete');
  return { privileges: [...privileges].toSorted(), mayUse: grant.use };
}

/** Roles, by space type, with which a user sees the connections of a space; for the filter of lists. */
export function seeingRoles(type: SpaceType): SpaceRole[] {
  return Object.entries(spaceMatrix[type]).flatMap(([standing, grant]) =>
    grant?.see && standing !== 'owner' ? [standing as SpaceRole] : [],
  );
}
