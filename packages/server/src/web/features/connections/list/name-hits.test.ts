import { full } from '@mooring/lab/test-tier';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideForAll } from '../../../../core/access/connection-access.js';
import { requiredText } from '../../../../core/filter/required-text.js';
import { scimCondition } from '../../../../core/filter/scim-filter.js';
import { foldedPart, foldedStart, nameFold } from '../../../../core/store/name-fold.js';
import { nameColumns } from '../connection-rows.js';
import { callerOf, type ListedStore, openListedStore } from './__fixtures__/listed-store.js';
import { listConnectionRows, pageStatements } from './connection-store.js';
import { boundOf } from './name-hits.js';
import { countConnections } from './selected-rows.js';
import type { Selection } from './selection.js';

const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
/** Letters that fold in every way there is: accents, sigma, jamo, ligatures, widths, the Kelvin sign. */
const letters = fc.constantFrom(...'aAeEkKsSΣσς\u0301\u0303éÉåİıßﬁ㎞ﾡￂ가각가%_\\ x');
const texts = fc.array(letters, { maxLength: 7 }).map((parts) => parts.join('').normalize('NFC'));

describe('searches by name', () => {
  it('NO5: what an index is asked for holds for every name that the filter finds', () => {
    fc.assert(
      fc.property(texts, texts, texts, (before, text, after) => {
        const name = before + text + after;
        if (lower(name.normalize('NFC')) === lower(name)) {
          expect(nameFold(name)).toContain(foldedPart(text));
          expect(nameFold(text + after).startsWith(foldedStart(text))).toBe(true);
        }
        expect(nameFold(text)).toBe(nameFold(lower(text)));
      }),
      { numRuns: full(20_000, 3_000) },
    );
    expect(foldedStart('ΑΣ')).toBe('α');
    expect(foldedPart('Größe')).toBe('große');
  });

  it.each([
    ['qName eq "A"', { op: 'eq', text: 'A' }],
    ['created gt "2026-01-01T00:00:00Z" and QNAME co "b" and qName sw "a"', { op: 'sw', text: 'a' }],
    ['(qName ew "z") and qType eq "x"', { op: 'co', text: 'z' }],
    ['qName eq "a" or qName eq "b"', undefined],
    ['not (qName eq "a")', undefined],
    ['qName ne "a"', undefined],
    ['qName eq null', undefined],
    ['qType eq "a"', undefined],
  ])('of %s, an index may be asked for %j', (filter, expected) => {
    expect(requiredText(filter, 'qName')).toEqual(expected);
  });

  describe('in the store', () => {
    let listed: ListedStore;
    const names = ['Ledger', 'ledger two', 'LÉDGER', 'Größe', 'ΑΣΑ', 'a%b_c', 'x', 'x.', '각', 'ﬁnal'];

    beforeAll(async () => {
      listed = await openListedStore();
      for (const [index, name] of names.entries())
        for (const place of ['s0', 's3', null])
          await listed.add({ ...listed.row('ann', place), ...nameColumns(`${name} ${index}`) });
    });
    afterAll(() => listed.close());

    const selectionOf = (caller: Selection['caller'], filterText: string, more: object = {}): Selection => {
      const required = requiredText(filterText, 'qname');
      const bound = required && boundOf(required);
      const columns = { qname: { column: 'connection.name', kind: 'text' } } as const;
      return {
        ...{ caller, personal: false, hiddenSources: [], filter: scimCondition(filterText, columns)() },
        ...(bound ? { bound } : {}),
        ...more,
      };
    };

    it('X09, NO5: find exactly the connections that the caller may list and whose names match, in pages and counts', async () => {
      const { db } = listed.store;
      const all = await db.selectFrom('connection').selectAll().execute();
      const parts = ['L', 'ledger', 'é', 'ΑΣ', 'σα', 'a%', '_', 'conn', '가', 'ﬁ', 'o', ' 1', 'nothing'];
      const matches = { eq: (a: string, b: string) => a === b } as Record<
        string,
        (a: string, b: string) => boolean
      >;
      Object.assign(matches, {
        sw: (a: string, b: string) => a.startsWith(b),
        co: (a: string, b: string) => a.includes(b),
        ew: (a: string, b: string) => a.endsWith(b),
      });
      for (const user of [
        callerOf('ann', ['TenantAdmin']),
        callerOf('cat'),
        callerOf('dan', ['DataAdmin']),
      ]) {
        const decisions = await decideForAll(db, user, all);
        for (const op of ['eq', 'sw', 'co', 'ew'])
          for (const part of [...parts, 'ledger 0']) {
            for (const more of [{}, { spaceId: 's0' }, { ownerId: 'ann' }, { personal: true }]) {
              const selection = selectionOf(user, `qName ${op} "${part}"`, more);
              const expected = all.filter(
                (one) =>
                  decisions.get(one)?.privileges.includes('list') &&
                  matches[op]?.(lower(one.name), lower(part)) &&
                  (!('spaceId' in more) || one.space_id === 's0') &&
                  (!('ownerId' in more) || one.owner_id === 'ann') &&
                  (!('personal' in more) || one.space_id === null),
              );
              const what = `${user.userId} ${op} ${part} ${JSON.stringify(more)}`;
              const order = { field: '_id', isDescending: false } as const;
              const { store } = listed;
              const found = await store.search((tx) =>
                listConnectionRows(tx, selection, { order, limit: 500 }),
              );
              expect(
                found.map(({ id }) => id),
                what,
              ).toEqual(expected.map(({ id }) => id).toSorted());
              expect(await store.search((tx) => countConnections(tx, selection)), what).toBe(expected.length);
            }
          }
      }
    });

    it('NO5: read names from an index that covers them, and rows of hits by id', async () => {
      const { db } = listed.store;
      const plans = [
        {
          caller: callerOf('ann', ['TenantAdmin']),
          by: /^SEARCH inside USING COVERING INDEX connection_fold /,
        },
        { caller: callerOf('cat'), by: /^SEARCH inside USING COVERING INDEX connection_scope_fold / },
      ];
      for (const { caller, by } of plans)
        for (const filter of ['qName eq "a"', 'qName sw "a"', 'qName co "a"']) {
          const page = { order: { field: 'created', isDescending: false }, limit: 21 } as const;
          const last = pageStatements(db, selectionOf(caller, filter), page).at(-1);
          const { sql: text, parameters } = last?.compile(db) ?? { sql: '', parameters: [] };
          const explained = text.split('?').reduce((before, part, index) => {
            const value = parameters[index - 1];
            return `${before}${typeof value === 'number' ? value : `'${String(value)}'`}${part}`;
          });
          const { rows } = await sql<{ detail: string }>`explain query plan ${sql.raw(explained)}`.execute(
            db,
          );
          const steps = rows.map(({ detail }) => detail);
          expect(
            steps.some((step) => by.test(step)),
            steps.join('\n'),
          ).toBe(true);
          const ofRows = steps.filter((step) => /^(?:SCAN|SEARCH) connection\b/.test(step));
          expect(ofRows).toEqual([
            expect.stringMatching(/^SEARCH connection USING .*\(tenant_id=\? AND id=\?\)$/),
          ]);
        }
    });
  });
});
