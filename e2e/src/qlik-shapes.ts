import type { ApiKeyWithToken } from '@qlik/api/api-keys';
import type { ConnectionCreateResponse, ConnectionGet } from '@qlik/api/data-connections';
import type { Credential, OrphanCredentialResItem } from '@qlik/api/data-credentials';
import type { DataSourceNew } from '@qlik/api/data-sources';
import type { CreateConnectionRes, GetConnectionResponse } from '@qlik/api/dcaas';
import type { Space } from '@qlik/api/spaces';
import type { Tenant } from '@qlik/api/tenants';
import type { User } from '@qlik/api/users';

// The client's type definitions at run time. The compiler keeps these tables complete: a member that a
// type has and a table lacks, or has with another kind or optionality, does not compile.

type KindOf<Value> = unknown extends Value
  ? 'any'
  : Value extends string
    ? 'string'
    : Value extends number
      ? 'number'
      : Value extends boolean
        ? 'boolean'
        : Value extends readonly unknown[]
          ? 'array'
          : 'object';

type Optional<Type, Key extends keyof Type> = object extends Pick<Type, Key> ? '?' : '';

/** Kind of each member of a type, with `?` behind it when the member may be absent. */
export type Shape<Type> = {
  readonly [Key in keyof Type]-?: `${KindOf<Exclude<Type[Key], undefined>>}${Optional<Type, Key>}`;
};

export const connectionGetShape: Shape<ConnectionGet> = {
  connectionProperties: 'any?',
  created: 'string?',
  datasourceID: 'string?',
  links: 'object',
  privileges: 'array',
  qArchitecture: 'number',
  qConnectStatement: 'string',
  qConnectionSecret: 'string?',
  qCredentialsID: 'string?',
  qEngineObjectID: 'string',
  qID: 'string',
  qLogOn: 'number',
  qName: 'string',
  qSeparateCredentials: 'boolean?',
  qType: 'string',
  qri: 'string?',
  space: 'string?',
  tags: 'array?',
  tenant: 'string',
  updated: 'string?',
  user: 'string?',
};

/** `qLogOn` is a string in the type, but a number in recorded replies and in the contract. */
export const connectionCreatedShape: Shape<
  Omit<ConnectionCreateResponse, 'qLogOn'> & Pick<ConnectionGet, 'qLogOn'>
> = {
  created: 'string?',
  links: 'object?',
  privileges: 'array',
  qArchitecture: 'number',
  qConnectStatement: 'string',
  qCredentialsID: 'string?',
  qCredentialsName: 'string?',
  qEngineObjectID: 'string',
  qID: 'string',
  qLogOn: 'number',
  qName: 'string',
  qReferenceKey: 'string?',
  qSeparateCredentials: 'boolean',
  qType: 'string',
  space: 'string?',
  updated: 'string?',
  user: 'string?',
};

export const credentialShape: Shape<Credential> = {
  created: 'string?',
  datasourceID: 'string?',
  links: 'object?',
  qConnCount: 'number',
  qID: 'string',
  qName: 'string',
  qReferenceKey: 'string?',
  qType: 'string',
  updated: 'string?',
};

export const orphanShape: Shape<OrphanCredentialResItem> = {
  created: 'string',
  datasourceID: 'string?',
  qID: 'string',
  qName: 'string',
  qType: 'string',
  tenant: 'string?',
  updated: 'string',
  user: 'string?',
};

/** `dataSourcePropertyName` may be null in recorded replies. */
export const dataSourceShape: Shape<Omit<DataSourceNew, 'dataSourcePropertyName' | 'qriDefinition'>> = {
  capabilities: 'array?',
  dataLoadUrlOverride: 'string?',
  dataSourceId: 'string',
  dataSourceType: 'string?',
  disabled: 'boolean?',
  name: 'string',
  provider: 'string',
  providerName: 'string',
  uiInfo: 'object?',
};

export const dcaasCreatedShape: Shape<CreateConnectionRes> = {
  connectionId: 'string',
  connectionName: 'string',
  createdAt: 'string',
  credentialsId: 'string?',
  dataSourceId: 'string',
  spaceId: 'string?',
  tenantId: 'string',
  updateAt: 'string',
  userId: 'string',
};

export const dcaasGetShape: Shape<GetConnectionResponse> = {
  ...dcaasCreatedShape,
  connectionProperties: 'any',
  tags: 'array?',
};

export const spaceShape: Shape<Space> = {
  createdAt: 'string?',
  createdBy: 'string?',
  description: 'string?',
  id: 'string',
  links: 'object',
  meta: 'object?',
  name: 'string',
  ownerId: 'string?',
  tenantId: 'string',
  type: 'string?',
  updatedAt: 'string?',
};

export const userShape: Shape<
  Pick<User, 'assignedRoles' | 'createdAt' | 'email' | 'id' | 'lastUpdatedAt' | 'links' | 'name' | 'status'> &
    Pick<User, 'subject' | 'tenantId'>
> = {
  assignedRoles: 'array?',
  createdAt: 'string?',
  email: 'string?',
  id: 'string',
  lastUpdatedAt: 'string?',
  links: 'object?',
  name: 'string',
  status: 'string?',
  subject: 'string',
  tenantId: 'string',
};

export const apiKeyShape: Shape<Omit<ApiKeyWithToken, 'token'>> = {
  created: 'string?',
  createdByUser: 'string',
  description: 'string',
  expiry: 'string',
  id: 'string',
  lastUpdated: 'string?',
  status: 'string',
  sub: 'string',
  subType: 'string',
  tenantId: 'string',
};

export const tenantShape: Shape<
  Pick<Tenant, 'created' | 'hostnames' | 'id' | 'lastUpdated' | 'links' | 'name' | 'status'>
> = {
  created: 'string?',
  hostnames: 'array?',
  id: 'string',
  lastUpdated: 'string?',
  links: 'object?',
  name: 'string',
  status: 'string?',
};

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

/** Differences between a reply and the client's types. */
export function differences<Type>(shape: Shape<Type>, reply: object): string[] {
  return Object.entries<string>(shape).flatMap(([name, wanted]) => {
    const value: unknown = (reply as Record<string, unknown>)[name];
    const kind = wanted.replace('?', '');
    if (value === undefined) return wanted.endsWith('?') ? [] : [`${name} is missing`];
    return kind === 'any' || kindOf(value) === kind ? [] : [`${name} is ${kindOf(value)}, not ${kind}`];
  });
}
