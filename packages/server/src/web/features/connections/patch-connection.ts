import { nameSchema, type PatchBody } from '@mooring/contract/wire';
import { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { loginPair } from '../../../core/credentials/records.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import { tagsOf } from '../../../core/store/decoded-rows.js';
import type { RevisedBy } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import type { ConnectionUpdate } from './connection-update.js';
import { type ConnectionLookup, lookUp } from './lookup.js';
import { type PatchableDocument, patchDocument } from './patch-document.js';
import { present } from './presented-connections.js';
import { restatedProperties, statementOf, withLogin } from './stated-properties.js';
import { propertiesOf, updateConnection } from './update-connection.js';

const tagsSchema = z
  .array(z.string().refine((tag) => Buffer.byteLength(tag) <= 256, 'must be at most 256 bytes'))
  .max(32);

const patchedSchema = z.object({
  qName: nameSchema,
  tags: tagsSchema,
  space: z.string().max(64),
  user: z.string().min(1).max(64),
  qCredentialsID: z.string().max(64),
  qUsername: z.string().max(1024).optional(),
  qPassword: z.string().max(10_000).optional(),
  qSeparateCredentials: z.boolean(),
  qConnectStatement: z.string().max(100_000),
});

const propertyPaths = [
  'connectionProperties',
  'qConnectStatement',
  'qSeparateCredentials',
  'qUsername',
  'qPassword',
];

async function documentOf(
  deps: ConnectionDependencies,
  caller: Caller,
  { row }: AccessibleConnection,
): Promise<PatchableDocument> {
  const manifest = deps.catalogue.get(row.source_id);
  return {
    qName: row.name,
    tags: tagsOf(row),
    space: row.space_id ?? '',
    user: row.owner_id,
    qCredentialsID: (await present(deps, caller, row)).credential?.id ?? '',
    qUsername: undefined,
    qPassword: undefined,
    qSeparateCredentials: row.separated === 1,
    qConnectStatement: statementOf(row, manifest),
    connectionProperties: { ...propertiesOf(manifest, row), separateCredentials: row.separated === 1 },
  };
}

/** What the patch changes. @throws InvalidRequest naming the path */
async function updateOfPatch(
  deps: ConnectionDependencies,
  caller: Caller,
  found: AccessibleConnection,
  { patch, authCode }: { patch: PatchBody; authCode: string | undefined },
): Promise<ConnectionUpdate> {
  const { row } = found;
  const manifest = deps.catalogue.get(row.source_id);
  const before = await documentOf(deps, caller, found);
  const { document, touched } = patchDocument(before, patch, manifest);
  const has = (prefix: string) =>
    [...touched].some((path) => path === prefix || path.startsWith(`${prefix}/`));
  if (has('qConnectStatement') && has('connectionProperties')) {
    throw new InvalidRequest([
      { field: '/qConnectStatement', message: 'and /connectionProperties cannot be changed together' },
    ]);
  }
  const { connectionProperties, ...members } = document;
  // A removed member becomes empty where a connection can be without it.
  const whole = Object.assign({ space: '', qCredentialsID: '', tags: [] }, members);
  const values = parseInput(patchedSchema, whole, 'patch');
  const isRestated = has('qConnectStatement') && values.qConnectStatement !== before.qConnectStatement;
  let properties = connectionProperties;
  if (has('qConnectStatement')) properties = restatedProperties(row, manifest, values.qConnectStatement);
  if (has('qSeparateCredentials'))
    properties = { ...properties, separateCredentials: values.qSeparateCredentials };
  if (authCode !== undefined) properties = { ...properties, authCode };
  properties = withLogin(manifest, properties, loginPair(values));
  return {
    ...(has('qName') ? { name: values.qName } : {}),
    ...(has('tags') ? { tags: values.tags } : {}),
    ...(has('space') ? { spaceId: values.space || null } : {}),
    ...(has('user') ? { ownerId: values.user } : {}),
    ...(authCode !== undefined || propertyPaths.some(has) ? { properties } : {}),
    ...(has('qCredentialsID') ? { credentialId: values.qCredentialsID || null } : {}),
    ...(isRestated ? { isRestated } : {}),
  };
}

/** @param asked `authCode`: of an interactive sign-in, to renew in place */
export async function patchConnection(
  deps: ConnectionDependencies,
  by: RevisedBy<'connection'>,
  lookup: ConnectionLookup,
  asked: { patch: PatchBody; authCode: string | undefined },
): Promise<void> {
  const found = await lookUp(deps, by, lookup);
  await updateConnection(deps, by, found, await updateOfPatch(deps, by.caller, found, asked));
}
