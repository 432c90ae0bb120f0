import { z } from 'zod';
import { invalidField } from '../../../../core/errors/app-error.js';
import type { Keyset, ListOrder } from './connection-store.js';

// The page token. It carries its sort order, so that pages stay exact while rows are inserted and deleted. It
// grants nothing: the filter is applied again on every page.

const tokenSchema = z.strictObject({
  d: z.enum(['next', 'prev']),
  s: z.enum(['_id', 'qName', 'created', 'updated']),
  r: z.boolean(),
  v: z.string(),
  i: z.string(),
  /** Locale of a collated order; empty for folded names. */
  c: z.string().max(64).optional(),
});

export interface PageToken {
  direction: 'next' | 'prev';
  order: ListOrder;
  keyset: Keyset;
}

export function writePageToken({ direction, order, keyset }: PageToken): string {
  const { field, isDescending, collation } = order;
  const text = JSON.stringify({
    d: direction,
    s: field,
    r: isDescending,
    v: keyset.value,
    i: keyset.id,
    ...(collation === undefined ? {} : { c: collation === 'folded' ? '' : collation.locale }),
  });
  return Buffer.from(text, 'utf8').toString('base64url');
}

/**
 * A published example of Qlik's repeats the name inside the value (`page=page=…`), so that prefix is removed.
 * @throws InvalidRequest
 */
export function readPageToken(text: string): PageToken {
  try {
    const json: unknown = JSON.parse(Buffer.from(text.replace(/^page=/, ''), 'base64url').toString('utf8'));
    const { d, s, r, v, i, c } = tokenSchema.parse(json);
    const collation = c === undefined ? {} : { collation: c === '' ? ('folded' as const) : { locale: c } };
    return {
      direction: d,
      order: { field: s, isDescending: r, ...collation },
      keyset: { value: v, id: i },
    };
  } catch {
    throw invalidField('page', 'is not a page token of this list; follow links.next.href unchanged');
  }
}
