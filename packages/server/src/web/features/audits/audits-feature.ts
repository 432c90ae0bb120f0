import {
  type AuditReply,
  getAudit,
  getAuditSettings,
  listAuditSources,
  listAudits,
  listAuditTypes,
} from '@mooring/contract/routes/audits';
import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import {
  type AuditEventName,
  type AuditKind,
  auditEvents,
  eventTypeOf,
  sourceOf,
} from '../../../core/audit/event-types.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import type { AuditEventTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { fetchPage, type ListOrder } from '../../http/keyset.js';

export interface AuditsDependencies {
  store: Store;
  publicUrl: () => string;
  /** How many days events are kept. */
  days: number;
}

const auditOrder: ListOrder = {
  sorts: { eventTime: 'audit_event.at', eventType: 'audit_event.type', source: 'audit_event.source' },
  idColumn: 'audit_event.id',
  sortDefault: '-eventTime',
};

const kinds = Object.keys(auditEvents) as AuditKind[];
const allTypes = kinds.flatMap((kind) =>
  auditEvents[kind].map((what) => eventTypeOf(`${kind}.${what}` as AuditEventName)),
);

function assertAuditor(caller: Caller): void {
  if (isAdministratorOf(caller, 'personal') || caller.roles.includes('AuditAdmin')) return;
  throw new AppError(
    'ACCESS-DENIED',
    'Only tenant administrators and audit administrators may read the audit log.',
  );
}

function instant(text: string | undefined): string {
  const at = text !== undefined && /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw invalidField(
      'eventTime',
      'must be two timestamps separated by a slash, such as 2026-01-01T00:00:00Z/2026-01-31T00:00:00Z',
    );
  }
  return new Date(at).toISOString();
}

/** The audit log. */
export function createAuditsFeature({ store, publicUrl, days }: AuditsDependencies): BoundRoute[] {
  const present = (row: AuditEventTable): AuditReply => ({
    id: row.id,
    eventId: row.id,
    eventTime: row.at,
    eventType: row.type,
    eventTypeVersion: '1',
    source: row.source,
    contentType: 'application/json',
    tenantId: row.tenant_id,
    userId: row.user_id,
    data: { ...(JSON.parse(row.data) as Record<string, unknown>), id: row.resource_id },
    extensions: {
      ...(row.owner_id === null ? {} : { ownerId: row.owner_id }),
      ...(row.space_id === null ? {} : { spaceId: row.space_id }),
      ...(row.top_level_id === null ? {} : { topLevelResourceId: row.top_level_id }),
    },
    links: { self: { href: `${publicUrl()}/api/v1/audits/${row.id}` } },
  });

  const eventsOf = (caller: Caller) => {
    assertAuditor(caller);
    return store.db.selectFrom('audit_event').where('audit_event.tenant_id', '=', caller.tenantId);
  };

  const names = (caller: Caller, data: string[], requestUrl: string) => {
    assertAuditor(caller);
    return { status: 200, body: { data, links: { self: { href: `${publicUrl()}${requestUrl}` } } } };
  };

  return [
    bind(listAudits, async ({ query }, { caller, request }) => {
      let matching = eventsOf(caller);
      if (query.eventType !== undefined) matching = matching.where('type', '=', query.eventType);
      if (query.source !== undefined) matching = matching.where('source', '=', query.source);
      if (query.userId !== undefined) matching = matching.where('user_id', '=', query.userId);
      if (query.id !== undefined) matching = matching.where('id', 'in', query.id.split(',').slice(0, 100));
      if (query.eventTime !== undefined) {
        const [from, to, ...more] = query.eventTime.split('/');
        if (more.length > 0) instant(undefined);
        matching = matching.where('at', '>=', instant(from)).where('at', '<=', instant(to));
      }
      const self = publicUrl() + request.url;
      const { shown, links } = await fetchPage(matching.selectAll(), query, auditOrder, self);
      return { status: 200, body: { data: shown.map(present), links } };
    }),
    bind(listAuditTypes, async (_input, { caller, request }) => names(caller, allTypes, request.url)),
    bind(listAuditSources, async (_input, { caller, request }) =>
      names(caller, kinds.map(sourceOf), request.url),
    ),
    bind(getAuditSettings, async (_input, { caller }) => {
      assertAuditor(caller);
      return { status: 200, body: { data: { ArchiveEnabled: false, EventTTL: days * 86_400 } } };
    }),
    bind(getAudit, async ({ params }, { caller }) => {
      const row = await eventsOf(caller).selectAll().where('id', '=', params.id).executeTakeFirst();
      if (!row) throw new AppError('NOT-FOUND', 'There is no such event.');
      return { status: 200, body: present(row) };
    }),
  ];
}
