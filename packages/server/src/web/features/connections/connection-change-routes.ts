import { withStoredCertificates } from '@mooring/connectors/kit/certificates';
import { writeConnectStatement } from '@mooring/connectors/kit/connect-statement';
import { selectSignIn, withDefaults } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import {
  bulkDeleteConnections,
  bulkUpdateConnections,
  duplicateConnection,
  patchConnection,
  updateConnection,
  updateConnectionBodySchema,
} from '@mooring/contract/routes/data-connection-changes';
import { connectionSchema, postConnectionBodySchema } from '@mooring/contract/routes/data-connections';
import { nameSchema } from '@mooring/contract/wire';
import { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import { propertiesOfStatement } from '../../../core/catalogue/connect-statement.js';
import { setDefinition } from '../../../core/catalogue/set-definition.js';
import { type LoginPair, loginPair, loginProperties } from '../../../core/credentials/records.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { errorReply } from '../../../core/errors/error-answer.js';
import { parseInput } from '../../../core/input/tolerance.js';
import { tagsOf } from '../../../core/store/decoded-rows.js';
import { afterChange } from '../../../core/store/store-error.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import type { ConnectionChange } from './connection-change.js';
import { type ChangeConnection, propertiesOf } from './connection-changes.js';
import type { DuplicateConnection } from './connection-duplicates.js';
import { type PatchableDocument, patchDocument } from './connection-patch.js';
import { presentConnection } from './connection-presenter.js';
import { connectionSecret, passedOver } from './connection-secret.js';
import type { ConnectionService } from './connection-service.js';
import { lookupOf } from './lookup.js';

export interface ChangeRoutesDependencies {
  catalogue: Catalogue;
  service: ConnectionService;
  change: ChangeConnection;
  duplicate: DuplicateConnection;
  postedSelfUrl: (id: string) => string;
}

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

/** `qUsername` and `qPassword` as properties; given twice, in both forms, they are refused. */
function withLogin(
  manifest: SourceManifest,
  properties: Record<string, unknown>,
  login: LoginPair,
): Record<string, unknown> {
  if (login.qUsername === undefined && login.qPassword === undefined) return properties;
  const method = selectSignIn(manifest, withDefaults(manifest, properties));
  const extra = loginProperties(method, login);
  const twice = Object.keys(extra).find((name) => properties[name] !== undefined);
  if (twice)
    throw new InvalidRequest([
      { field: 'qPassword', message: `and connectionProperties.${twice} cannot both be given` },
    ]);
  return { ...properties, ...extra };
}

const spellings: Readonly<Record<string, string>> = { qname: 'name', user: 'ownerId', space: 'spaceId' };

/** Members of a connection that a bulk update could be thought to change; others are passed over. */
const ofConnections = new Set(
  [connectionSchema, postConnectionBodySchema, updateConnectionBodySchema]
    .flatMap(({ shape }) => Object.keys(shape))
    .concat('selectedCredentials', 'credentialsName')
    .map((name) => name.toLowerCase()),
);

/** @throws InvalidRequest naming each member of an item that would be thought to be changed */
function assertNothingElse(others: Readonly<Record<string, unknown>>): void {
  const problems = Object.keys(others)
    .filter((name) => ofConnections.has(name.toLowerCase()))
    .map((field) => {
      const right = spellings[field.toLowerCase()];
      return {
        field,
        message:
          right === undefined
            ? 'cannot be changed for many connections at once: PATCH each'
            : `is called ${right} here`,
      };
    });
  if (problems.length > 0) throw new InvalidRequest(problems);
}

/** PUT, PATCH, bulk update and delete, duplicate. */
export function createConnectionChangeRoutes(deps: ChangeRoutesDependencies): BoundRoute[] {
  const { catalogue, service, change } = deps;

  const statementOf = ({ row }: AccessibleConnection, manifest: SourceManifest) =>
    writeConnectStatement(manifest, setDefinition(manifest, row), row.separated === 1);
  /** A statement may come from a list, where certificates are left out. */
  const changedByStatement = (row: ConnectionTable, manifest: SourceManifest, statement: string) =>
    withStoredCertificates(manifest, propertiesOfStatement(manifest, statement), propertiesOf(manifest, row));

  const put = bind(updateConnection, async ({ params, query, body }, { caller }) => {
    const found = await service.find(caller, lookupOf(params.qID, query));
    const { row } = found;
    const manifest = catalogue.get(row.source_id);
    if (body.qID !== row.id)
      throw new InvalidRequest([{ field: 'qID', message: 'must be the id of the connection' }]);
    if (body.qEngineObjectID !== row.id)
      throw new InvalidRequest([{ field: 'qEngineObjectID', message: 'must equal qID' }]);
    if (body.datasourceID !== undefined && body.datasourceID.toLowerCase() !== row.source_id.toLowerCase()) {
      throw new InvalidRequest([{ field: 'datasourceID', message: 'cannot be changed' }]);
    }
    const isSame = body.qConnectStatement === statementOf(found, manifest);
    const stored = propertiesOf(manifest, row);
    const parsed = isSame ? stored : changedByStatement(row, manifest, body.qConnectStatement);
    const { credential } = await service.shown(caller, row);
    const wantsCredential =
      body.qCredentialsID !== undefined && body.qCredentialsID !== (credential?.id ?? '');
    // An embedded credential is never chosen, so whose connection it is means a separated one of theirs.
    const separates = wantsCredential && body.qCredentialsID !== '' && row.owner_id === caller.userId;
    const separateCredentials =
      separates || (body.qSeparateCredentials ?? parsed['separateCredentials'] ?? row.separated === 1);
    const secret = connectionSecret(manifest, parsed, body.qConnectionSecret);
    const given = { ...parsed, ...secret.properties, separateCredentials };
    const properties = withLogin(manifest, given, loginPair(body));
    if (body.qCredentialsName && body.qPassword !== undefined)
      properties['credentialsName'] = body.qCredentialsName;
    const isPropertyChange =
      JSON.stringify(properties) !== JSON.stringify({ ...stored, separateCredentials: row.separated === 1 });
    const wanted: ConnectionChange = {
      ...(body.qName === row.name ? {} : { name: body.qName }),
      ...(isPropertyChange ? { properties } : {}),
      ...(body.space === undefined ? {} : { spaceId: body.space || null }),
      ...(wantsCredential ? { credentialId: body.qCredentialsID || null } : {}),
    };
    await change(caller, found, wanted);
    return { status: 204, ...passedOver(secret.passedOver) };
  });

  const documentOf = async (
    caller: Caller,
    found: AccessibleConnection,
    manifest: SourceManifest,
  ): Promise<PatchableDocument> => {
    const { row } = found;
    return {
      qName: row.name,
      tags: tagsOf(row),
      space: row.space_id ?? '',
      user: row.owner_id,
      qCredentialsID: (await service.shown(caller, row)).credential?.id ?? '',
      qUsername: undefined,
      qPassword: undefined,
      qSeparateCredentials: row.separated === 1,
      qConnectStatement: statementOf(found, manifest),
      connectionProperties: { ...propertiesOf(manifest, row), separateCredentials: row.separated === 1 },
    };
  };

  const patchedChange = async (
    caller: Caller,
    found: AccessibleConnection,
    patch: Parameters<typeof patchDocument>[1],
    authCode: string | undefined,
  ): Promise<ConnectionChange> => {
    const { row } = found;
    const manifest = catalogue.get(row.source_id);
    const before = await documentOf(caller, found, manifest);
    const { document, touched } = patchDocument(before, patch, manifest);
    const has = (prefix: string) =>
      [...touched].some((path) => path === prefix || path.startsWith(`${prefix}/`));
    if (has('qConnectStatement') && has('connectionProperties')) {
      throw new InvalidRequest([
        { field: '/qConnectStatement', message: 'and /connectionProperties cannot be changed together' },
      ]);
    }
    const { connectionProperties, ...members } = document;
    // What was removed is empty where a connection can be without it.
    const whole = Object.assign({ space: '', qCredentialsID: '', tags: [] }, members);
    const values = parseInput(patchedSchema, whole, 'patch');
    const isRestated = has('qConnectStatement') && values.qConnectStatement !== before.qConnectStatement;
    let properties = connectionProperties;
    if (has('qConnectStatement'))
      properties = changedByStatement(found.row, manifest, values.qConnectStatement);
    if (has('qSeparateCredentials'))
      properties = { ...properties, separateCredentials: values.qSeparateCredentials };
    if (authCode !== undefined) properties = { ...properties, authCode };
    properties = withLogin(manifest, properties, loginPair(values));
    const changesProperties =
      authCode !== undefined ||
      ['connectionProperties', 'qConnectStatement', 'qSeparateCredentials', 'qUsername', 'qPassword'].some(
        has,
      );
    return {
      ...(has('qName') ? { name: values.qName } : {}),
      ...(has('tags') ? { tags: values.tags } : {}),
      ...(has('space') ? { spaceId: values.space || null } : {}),
      ...(has('user') ? { ownerId: values.user } : {}),
      ...(changesProperties ? { properties } : {}),
      ...(has('qCredentialsID') ? { credentialId: values.qCredentialsID || null } : {}),
      ...(isRestated ? { isRestated } : {}),
    };
  };

  const assertAdministrator = (caller: Caller): void => {
    if ((['personal', 'shared', 'managed', 'data'] as const).some((type) => isAdministratorOf(caller, type)))
      return;
    throw new AppError('ACCESS-DENIED', 'Only administrators may change many connections at once.');
  };

  /** One item of a bulk request: its failure is its own. */
  const settle = async (id: string, traceId: string, work: () => Promise<void>) => {
    try {
      await work();
      return { id, status: 204 };
    } catch (error) {
      const { status, body } = errorReply(error, traceId);
      const [first] = body.errors;
      return { id, status, ...(first ? { error: first } : {}) };
    }
  };

  const administered = async (caller: Caller, id: string): Promise<AccessibleConnection> => {
    const found = await service.find(caller, { id });
    if (!found.privileges.includes('change_owner')) {
      throw new AppError('ACCESS-DENIED', 'You do not administer the space of this connection.');
    }
    return found;
  };

  return [
    put,
    bind(patchConnection, async ({ params, query, headers, body }, { caller }) => {
      const found = await service.find(caller, lookupOf(params.qID, query));
      await change(
        caller,
        found,
        await patchedChange(caller, found, body, headers['qlik-auth-code'] || undefined),
      );
      return { status: 204 };
    }),
    bind(bulkDeleteConnections, async ({ body }, { caller, traceId }) => {
      assertAdministrator(caller);
      const data = [];
      for (const { id } of body.connections) {
        data.push(
          await settle(id, traceId, async () => {
            await administered(caller, id);
            await service.remove(caller, { id });
          }),
        );
      }
      return { status: 207, body: { data } };
    }),
    bind(bulkUpdateConnections, async ({ body }, { caller, traceId }) => {
      assertAdministrator(caller);
      const data = [];
      for (const { id, name, ownerId, spaceId, spaceType, ...others } of body.connections) {
        data.push(
          await settle(id, traceId, async () => {
            assertNothingElse(others);
            const found = await administered(caller, id);
            await change(caller, found, {
              ...(name === undefined ? {} : { name }),
              ...(ownerId === undefined ? {} : { ownerId }),
              ...(spaceId === undefined ? {} : { spaceId: spaceId || null }),
              ...(spaceType === undefined ? {} : { spaceType }),
            });
          }),
        );
      }
      return { status: 207, body: { data } };
    }),
    bind(duplicateConnection, async ({ body }, { caller }) => {
      const found = await service.find(caller, { id: body.id });
      const copy = await deps.duplicate(caller, found, body);
      const [presented] = await afterChange(() => service.present(caller, [copy]));
      if (!presented) throw new Error('a connection that was just copied cannot be presented');
      return { status: 201, body: presentConnection(presented, deps.postedSelfUrl(copy.id)) };
    }),
  ];
}
