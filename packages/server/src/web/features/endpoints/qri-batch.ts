import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { qlikNamesOf } from '@mooring/connectors/qlik/names';
import { qriDefinitionOf, qriTargetOf } from '@mooring/connectors/qlik/qri';
import type { generateQris } from '@mooring/contract/routes/data-source-endpoints';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { findConnection, unknownConnection } from '../../../core/access/find-connection.js';
import { qriOf } from '../../../core/catalogue/qri.js';
import { sha256 } from '../../../core/crypto/digest.js';
import { invalidField } from '../../../core/errors/app-error.js';
import { errorReply } from '../../../core/errors/error-answer.js';
import { definitionOf } from '../../../core/store/decoded-rows.js';
import type { RequestScope } from '../../http/handler.js';
import type { EndpointsDependencies } from './filter-endpoint.js';
import { connectionByName, describedBy } from './named-targets.js';

type QriItem = z.output<typeof generateQris.body>['data'][number];

/** Values in the order of `names`: named ones by name, the others by position. @throws InvalidRequest */
function ordered(
  given: NonNullable<QriItem['pathProperties']>,
  names: readonly string[],
  field: string,
): string[] {
  const values = names.map(() => '');
  for (const [place, { name, value = '' }] of given.entries()) {
    const index =
      name === undefined ? place : names.findIndex((known) => known.toLowerCase() === name.toLowerCase());
    if (index < 0 || index >= names.length) {
      throw invalidField(field, `has an unknown property; known are: ${names.join(', ')}`.slice(0, 500));
    }
    values[index] = value;
  }
  return values;
}

const joined = (values: readonly string[]) => values.map(encodeURIComponent).join('/');

function qriFor(
  manifest: SourceManifest,
  definition: Readonly<Record<string, unknown>>,
  item: QriItem,
  isRaw: boolean,
): { qri: string; isFullyQualified: boolean } {
  const { pathPart } = qriDefinitionOf(manifest);
  const path = ordered(item.pathProperties ?? [], pathPart.properties, 'pathProperties');
  const within = (item.itemProperties ?? []).map(({ value = '' }) => value);
  const base = isRaw
    ? `${qlikNamesOf(manifest).qriPrefix}${joined(qriTargetOf(manifest, definition))}`
    : qriOf(manifest, definition);
  const part = (values: readonly string[]) =>
    values.some((value) => value !== '')
      ? `${pathPart.prefix}${isRaw ? joined(values) : sha256(JSON.stringify(values))}`
      : '';
  return {
    qri: `${base}${part(path)}${part(within)}`,
    isFullyQualified: path.every((value) => value !== ''),
  };
}

async function targetOf({ store, catalogue }: EndpointsDependencies, caller: Caller, item: QriItem) {
  if (item.connectionType === 'properties')
    return describedBy(catalogue, caller, item.connection, item.dataSourceId);
  const { row, privileges } =
    item.connectionType === 'id'
      ? await findConnection(store.db, caller, item.connection, 'connection')
      : await connectionByName(store.db, caller, item.connection, item.spaceId);
  if (!privileges.includes('read')) throw unknownConnection();
  const manifest = await catalogue.enabled(caller.tenantId, row.source_id);
  return { manifest, definition: definitionOf(row) };
}

/** The QRI of one item of a batch, or its error. @throws only faults of the service */
export async function makeQri(
  deps: EndpointsDependencies,
  { caller, traceId }: Pick<RequestScope, 'caller' | 'traceId'>,
  item: QriItem,
  isRaw: boolean,
) {
  const { connection, connectionType, requestId } = item;
  const echoed = { connectionType, ...(requestId === undefined ? {} : { requestId }) };
  try {
    const { manifest, definition } = await targetOf(deps, caller, item);
    const made = qriFor(manifest, definition, item, isRaw);
    return { ...echoed, connection, dataSourceId: manifest.id, ...made, status: { code: 200 } };
  } catch (error) {
    const { status, body, isFault } = errorReply(error, traceId);
    if (isFault) throw error;
    const [first] = body.errors;
    const code = first?.code ?? 'INTERNAL';
    const errorResponse = {
      dcaasErrorCode: code === 'DCAAS-2001' ? 2001 : status,
      errorCodeName: code,
      errorMessage: first?.detail ?? '',
    };
    return {
      ...echoed,
      // A refused statement is not echoed: it may hold the secret that it was refused for.
      connection: connectionType === 'properties' ? '' : connection,
      dataSourceId: item.dataSourceId ?? '',
      isFullyQualified: false,
      qri: '',
      status: { code: status, errorResponse },
    };
  }
}
