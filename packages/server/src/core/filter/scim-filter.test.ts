import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidRequest } from '../errors/app-error.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { type FilterColumns, scimCondition } from './scim-filter.js';

const columns: FilterColumns = {
  name: { column: 'user.name', kind: 'text' },
  email: { column: 'user.email', kind: 'text' },
  status: { column: 'user.status', kind: 'text' },
  created: { column: 'user.created_at', kind: 'instant' },
};

const people = [
  { name: 'Alice', email: 'alice@example.com', created: '2026-01-01T10:00:00.000Z' },
  { name: 'Bob', email: null, created: '2026-02-01T10:00:00.000Z' },
  { name: '100%_\\', email: 'c@example.com', created: '2026-03-01T10:00:00.000Z' },
  { name: 'O"Neill', email: '', created: '2026-04-01T10:00:00.000Z' },
];

describe('a SCIM filter on the store', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-filter-'));
  let store: Store;

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    await store.db.insertInto('tenant').values({ id: 't', name: 't', created_at: '' }).execute();
    for (const [index, person] of people.entries()) {
      await store.db
        .insertInto('user')
        .values({
          id: String(index),
          tenant_id: 't',
          subject: String(index),
          name: person.name,
          email: person.email,
          status: index === 1 ? 'disabled' : 'active',
          roles: '[]',
          created_at: person.created,
          updated_at: person.created,
        })
        .execute();
    }
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const found = async (filter: string): Promise<string> => {
    const rows = await store.db
      .selectFrom('user')
      .select('id')
      .where(scimCondition(filter, columns))
      .orderBy('id')
      .execute();
    return rows.map((row) => row.id).join('');
  };

  it.each([
    ['name eq "alice"', '0'],
    ['NAME EQ "Alice"', '0'],
    ['name ne "Alice"', '123'],
    ['name co "o"', '13'],
    ['name sw "100%_"', '2'],
    ['name sw "1%0"', ''],
    ['name co "_"', '2'],
    ['name co "%"', '2'],
    ['name eq "O\\"Neill"', '3'],
    ['email ew "@example.com"', '02'],
    ['email ne "alice@example.com"', '123'],
    ['not (email eq "alice@example.com")', '123'],
    ['not email co "example"', '13'],
    ['email pr', '02'],
    ['not (email pr)', '13'],
    ['email eq null', '1'],
    ['email ne null', '023'],
    ['created gt "2026-02-01T10:00:00Z"', '23'],
    ['created ge "2026-02-01T11:00:00+01:00"', '123'],
    ['created lt "2026-02-01T10:00:00.001Z"', '01'],
    ['created le "2026-01-01T10:00:00.000Z"', '0'],
    ['created eq "2026-01-01T10:00:00Z"', '0'],
    ['name gt "alice"', '13'],
    ['name co "a" or name sw "b" and status eq "active" and created gt "2000-01-10T15:04:05Z"', '0'],
    ['(name co "a" or name sw "b") and status eq "disabled"', '1'],
    ['name eq "\' or 1=1 --"', ''],
  ])('finds by %s', async (filter, ids) => {
    expect(await found(filter)).toBe(ids);
  });

  it.each([
    ['name eq "100%_\\\\"', '2'],
    ['name ew "\\\\"', '2'],
    ['name co "_\\u005c"', '2'],
    ['name eq "\\u0041lic\\u0065"', '0'],
    ['name eq "O\\u0022Neill"', '3'],
    ['name eq "Alic\\u0065" and not (name eq "\\/" or name eq "0")', '0'],
    ['name eq "1"', ''],
    ['name eq ""', ''],
    ['email eq ""', '3'],
  ])('VA18: reads the texts of %s as those of JSON', async (filter, ids) => {
    expect(await found(filter)).toBe(ids);
  });

  it.each([['name eq "a\\x"'], ['name eq "\\u12"'], ['name eq "\\u0000"'], ['name eq "\\ud800"']])(
    'VA18: refuses %s with an error message',
    (filter) => {
      expect(() => scimCondition(filter, columns)).toThrow('write " as \\" and \\ as \\\\');
    },
  );

  it.each([
    ['', 'is not a SCIM filter'],
    ['name', 'is not a SCIM filter'],
    ['name eq', 'is not a SCIM filter'],
    ['name eq alice', 'is not a SCIM filter'],
    ['name is "x"', 'is not a SCIM filter'],
    ['name eq "x" and', 'is not a SCIM filter'],
    ['name eq "x" name', 'is not a SCIM filter'],
    ['(name eq "x"', 'is not a SCIM filter'],
    ["name eq 'x'", 'is not a SCIM filter'],
    ['password eq "x"', 'cannot use password; known attributes: name, email, status, created'],
    ['__proto__ eq "x"', 'cannot use __proto__'],
    ['constructor pr', 'cannot use constructor'],
    ['name[value eq "x"]', 'value paths'],
    ['name eq 5', 'must be compared with a text'],
    ['name gt null', 'only eq and ne compare with null'],
    ['created gt "yesterday"', 'must be compared with a time'],
    ['created co "2026-01-01T00:00:00Z"', 'is a time'],
    ['name eq "x\ny"', 'control characters'],
    [`name eq "${'x'.repeat(4096)}"`, 'longer than 4096 bytes'],
    [`${'('.repeat(17)}name pr${')'.repeat(17)}`, 'deeper than 16 levels'],
    [`${'not '.repeat(101)}name pr`, 'deeper than 16 levels'],
    [Array.from({ length: 101 }, () => 'name eq "x"').join(' or '), 'more than 100 comparisons'],
  ])('refuses %j, naming the filter', (filter, message) => {
    expect(() => scimCondition(filter, columns)).toThrow(message);
    try {
      scimCondition(filter, columns);
    } catch (error) {
      expect((error as InvalidRequest).problems[0]?.field).toBe('filter');
    }
  });

  it('D11: answers every text with rows or a refusal', async () => {
    const words = fc.constantFrom(
      'name',
      'created',
      'eq',
      'co',
      'pr',
      'and',
      'or',
      'not',
      '(',
      ')',
      '"a\\',
      '"',
      '"x"',
      '[',
      '\\',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 30 }).map((parts) => parts.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (filter) => {
        try {
          await found(filter);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequest);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('D19: no text keeps the parser busy', () => {
    const hostile = [
      '"\\'.repeat(2000),
      `name eq "${'\\'.repeat(4000)}`,
      `name eq "${'a\\"'.repeat(1300)}`,
      `${'9'.repeat(4000)}x`,
      ' '.repeat(4096),
      `name co "${'%'.repeat(4000)}`,
      '('.repeat(4096),
      'a'.repeat(4096),
    ];
    const began = performance.now();
    for (const filter of hostile) {
      expect(() => scimCondition(filter, columns)).toThrow(InvalidRequest);
    }
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
