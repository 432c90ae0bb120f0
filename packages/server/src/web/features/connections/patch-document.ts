import { metaOf } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { innermost } from '@mooring/contract/values';
import type { PatchBody } from '@mooring/contract/wire';
import { applyPatch, Pointer } from 'rfc6902';
import { z } from 'zod';
import { InvalidRequest } from '../../../core/errors/app-error.js';

// Qlik's PATCH: RFC 6902 reduced to add, replace and remove. Replacing an absent member adds it, because clients
// replace secrets, which are never in the document they see.

/** The members that a user may change, as one document. */
export interface PatchableDocument {
  qName: string;
  tags: unknown;
  space: unknown;
  user: unknown;
  qCredentialsID: unknown;
  qUsername: unknown;
  qPassword: unknown;
  qSeparateCredentials: unknown;
  qConnectStatement: unknown;
  connectionProperties: Record<string, unknown>;
}

const aliases: Readonly<Record<string, keyof PatchableDocument>> = {
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

const steering = ['separateCredentials', 'selectedCredentials', 'credentialsName', 'authCode'];

/** The path in the casing of the document. @throws InvalidRequest */
function canonicalPath(path: string, manifest: SourceManifest): string[] {
  const [first = '', second, ...rest] = Pointer.fromJSON(path).tokens.slice(1);
  const member = aliases[first.toLowerCase()];
  if (!member) throw new InvalidRequest([{ field: path.slice(0, 128), message: 'cannot be changed' }]);
  if (member !== 'connectionProperties') {
    if (second !== undefined && member !== 'tags') {
      throw new InvalidRequest([{ field: path.slice(0, 128), message: 'cannot be changed' }]);
    }
    return second === undefined ? [member] : [member, second];
  }
  if (second === undefined) return [member];
  const known = [...Object.keys(manifest.properties.shape), ...steering].find(
    (name) => name.toLowerCase() === second.toLowerCase(),
  );
  if (known === undefined) {
    throw new InvalidRequest([
      { field: path.slice(0, 128), message: 'is not a property of this data source' },
    ]);
  }
  return [member, known, ...rest];
}

export interface PatchedDocument {
  document: PatchableDocument;
  /** Paths of one or two names, for the rules about what may not be changed together. */
  touched: Set<string>;
}

/** @throws InvalidRequest naming the path */
export function patchDocument(
  document: PatchableDocument,
  patch: PatchBody,
  manifest: SourceManifest,
): PatchedDocument {
  const copy = structuredClone(document);
  const touched = new Set<string>();
  for (const { op, path, value } of patch) {
    const field = path.slice(0, 128);
    if (op !== 'remove' && value === undefined)
      throw new InvalidRequest([{ field, message: 'needs a value' }]);
    const tokens = canonicalPath(path, manifest);
    touched.add(tokens.slice(0, 2).join('/'));
    startList(copy.connectionProperties, tokens, manifest);
    const pointer = new Pointer(['', ...tokens]);
    const exists = pointer.get(copy) !== undefined;
    if (op === 'remove' && !exists) {
      // A secret is stored, though the document does not hold it.
      if (isSecret(tokens, manifest)) continue;
      throw new InvalidRequest([{ field, message: 'does not exist, so it cannot be removed' }]);
    }
    const operation =
      op === 'remove'
        ? { op, path: pointer.toString() }
        : { op: exists ? ('replace' as const) : ('add' as const), path: pointer.toString(), value };
    const [problem] = applyPatch(copy, [operation]);
    if (problem) throw new InvalidRequest([{ field, message: 'does not exist' }]);
  }
  return { document: copy, touched };
}

/**
 * Adds the list that a path leads into when the document lacks it. A list that was never set is empty. Secret files are
 * stored but never shown: what the patch gives of one is all of it, under the name of its property unless it names
 * another.
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

const filesMax = 8;

function isSecret(tokens: readonly string[], manifest: SourceManifest): boolean {
  const [member, name] = tokens;
  if (member === 'qPassword' || member === 'qUsername' || member === 'qCredentialsID') return true;
  if (member !== 'connectionProperties' || name === undefined || !(name in manifest.properties.shape))
    return false;
  return (metaOf(manifest, name).holder ?? 'definition') !== 'definition';
}
