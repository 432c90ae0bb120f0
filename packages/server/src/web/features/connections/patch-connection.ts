import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { metaOf } from '@mooring/connectors/kit/properties';
import { choiceNames } from '@mooring/connectors/qlik/separated';
import { createConnectionBodySchema } from '@mooring/contract/routes/data-connections';
import { innermost } from '@mooring/contract/values';
import { nameSchema, type PatchBody } from '@mooring/contract/wire';
import { applyPatch, Pointer } from 'rfc6902';
import { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { loginPair } from '../../../core/credentials/records.js';
import { credentialShownTo } from '../../../core/credentials/resolve.js';
import { invalidField } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import { tagsOf } from '../../../core/store/decoded-rows.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import type { ConnectionUpdate } from './connection-rights.js';
import { propertiesOf, restatedProperties, statementOf, withLogin } from './stated-properties.js';

// Qlik's PATCH: RFC 6902 reduced to add, replace and remove. Replacing an absent member adds it, because clients
// replace secrets, which are never in the document they see.

const patchedSchema = z.object({
  qName: nameSchema,
  tags: createConnectionBodySchema.shape.tags.unwrap(),
  space: z.string().max(64),
  user: z.string().min(1).max(64),
  qCredentialsID: z.string().max(64),
  qUsername: z.string().max(1024).optional(),
  qPassword: z.string().max(10_000).optional(),
  qSeparateCredentials: z.boolean(),
  qConnectStatement: z.string().max(100_000),
});

type Member = keyof typeof patchedSchema.shape | 'connectionProperties';

/** The members that a user may change, as one document. */
type PatchableDocument = Record<Exclude<Member, 'connectionProperties'>, unknown> & {
  connectionProperties: Record<string, unknown>;
};

const aliases: Readonly<Record<string, Member>> = {
  qname: 'qName',
  connectionname: 'qName',
  tags: 'tags',
  space: 'space',
  spaceid: 'space',
  user: 'user',
  ownerid: 'user',
  qcredentialsid: 'qCredentialsID',
  qusername: 'qUsername',
  qpassword: 'qPassword',
  qseparatecredentials: 'qSeparateCredentials',
  qconnectstatement: 'qConnectStatement',
  connectionproperties: 'connectionProperties',
};

const fieldOf = (path: string): string => path.slice(0, 128);

/** The path in the casing of the document. @throws InvalidRequest */
function canonicalPath(path: string, manifest: SourceManifest): string[] {
  const [first = '', second, ...rest] = Pointer.fromJSON(path).tokens.slice(1);
  const member = aliases[first.toLowerCase()];
  const isWhole = member !== 'connectionProperties' && member !== 'tags';
  if (!member || (isWhole && second !== undefined)) throw invalidField(fieldOf(path), 'cannot be changed');
  if (second === undefined) return [member];
  if (member === 'tags') return [member, second];
  const known = [...Object.keys(manifest.properties.shape), ...choiceNames].find(
    (name) => name.toLowerCase() === second.toLowerCase(),
  );
  if (known === undefined) throw invalidField(fieldOf(path), 'is not a property of this data source');
  return [member, known, ...rest];
}

const filesMax = 8;

function isSecret([member, name]: readonly string[], manifest: SourceManifest): boolean {
  if (member === 'qPassword' || member === 'qUsername' || member === 'qCredentialsID') return true;
  if (member !== 'connectionProperties' || name === undefined || !(name in manifest.properties.shape))
    return false;
  return (metaOf(manifest, name).holder ?? 'definition') !== 'definition';
}

/**
 * Adds the list that a path leads into if the document lacks it: a list that was never set is empty. Secret files are
 * never shown, so a patch must send a file whole; its default name is that of the property.
 */
function startList(
  properties: Record<string, unknown>,
  [member, name, index, ...inner]: readonly string[],
  manifest: SourceManifest,
): void {
  if (member !== 'connectionProperties' || name === undefined || index === undefined) return;
  const schema = manifest.properties.shape[name] as z.ZodType | undefined;
  if (!schema || !(innermost(schema) instanceof z.ZodArray)) return;
  const isHidden = isSecret([member, name], manifest);
  if (isHidden && inner.length === 0) return;
  properties[name] ??= [];
  const files = properties[name];
  if (!isHidden) return;
  if (Array.isArray(files) && files.length < filesMax && String(files.length) === index) files.push({ name });
}

/**
 * Applies the patch to the document.
 * @returns paths of one or two names, for the rules about what may not be changed together
 * @throws InvalidRequest naming the path
 */
function patchDocument(
  document: PatchableDocument,
  patch: PatchBody,
  manifest: SourceManifest,
): ReadonlySet<string> {
  const touched = new Set<string>();
  for (const { op, path, value } of patch) {
    const field = fieldOf(path);
    if (op !== 'remove' && value === undefined) throw invalidField(field, 'needs a value');
    const tokens = canonicalPath(path, manifest);
    touched.add(tokens.slice(0, 2).join('/'));
    startList(document.connectionProperties, tokens, manifest);
    const pointer = new Pointer(['', ...tokens]);
    const exists = pointer.get(document) !== undefined;
    if (op === 'remove' && !exists) {
      // A secret is stored, though the document does not hold it.
      if (isSecret(tokens, manifest)) continue;
      throw invalidField(field, 'does not exist, so it cannot be removed');
    }
    const at = pointer.toString();
    const change =
      op === 'remove'
        ? { op, path: at }
        : { op: exists ? ('replace' as const) : ('add' as const), path: at, value };
    const [problem] = applyPatch(document, [change]);
    if (problem) throw invalidField(field, 'does not exist');
  }
  return touched;
}

/** What a PATCH changes. @throws InvalidRequest naming the path */
export async function updateOfPatch(
  { store, catalogue }: ConnectionDependencies,
  caller: Caller,
  row: ConnectionTable,
  { patch, authCode }: { patch: PatchBody; authCode: string | undefined },
): Promise<ConnectionUpdate> {
  const manifest = catalogue.get(row.source_id);
  const statement = statementOf(row, manifest);
  const document: PatchableDocument = {
    qName: row.name,
    tags: tagsOf(row),
    space: row.space_id ?? '',
    user: row.owner_id,
    qCredentialsID: (await credentialShownTo(store.db, caller.userId, row))?.id ?? '',
    qUsername: undefined,
    qPassword: undefined,
    qSeparateCredentials: row.separated === 1,
    qConnectStatement: statement,
    connectionProperties: structuredClone({
      ...propertiesOf(manifest, row),
      separateCredentials: row.separated === 1,
    }),
  };
  const touched = patchDocument(document, patch, manifest);
  const has = (prefix: string) =>
    [...touched].some((path) => path === prefix || path.startsWith(`${prefix}/`));
  if (has('qConnectStatement') && has('connectionProperties'))
    throw invalidField('/qConnectStatement', 'and /connectionProperties cannot be changed together');
  const { connectionProperties, ...members } = document;
  // A removed member becomes empty where a connection can be without it.
  const whole = Object.assign({ space: '', qCredentialsID: '', tags: [] }, members);
  const values = parseInput(patchedSchema, whole, 'patch');
  let properties = connectionProperties;
  if (has('qConnectStatement')) properties = restatedProperties(row, manifest, values.qConnectStatement);
  if (has('qSeparateCredentials'))
    properties = { ...properties, separateCredentials: values.qSeparateCredentials };
  if (authCode !== undefined) properties = { ...properties, authCode };
  properties = withLogin(manifest, properties, loginPair(values));
  const changesProperties = [
    'connectionProperties',
    'qConnectStatement',
    'qSeparateCredentials',
    'qUsername',
    'qPassword',
  ].some(has);
  return {
    ...(has('qName') ? { name: values.qName } : {}),
    ...(has('tags') ? { tags: values.tags } : {}),
    ...(has('space') ? { spaceId: values.space || null } : {}),
    ...(has('user') ? { ownerId: values.user } : {}),
    ...(authCode !== undefined || changesProperties ? { properties } : {}),
    ...(has('qCredentialsID') ? { credentialId: values.qCredentialsID || null } : {}),
    ...(has('qConnectStatement') && values.qConnectStatement !== statement ? { isRestated: true } : {}),
  };
}
