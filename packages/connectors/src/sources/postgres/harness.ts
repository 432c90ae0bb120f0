import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { sqlHarness } from '../../families/sql/sql-harness.js';
import { startTellingPostgres } from '../../suite/telling-servers.js';
import { countOf, isRunning, withAdmin } from './__fixtures__/administration.js';
import { typeColumns, typeRows } from './__fixtures__/all-types.js';

export const harness = sqlHarness<LabPostgres>({
  database: 'db',
  hasCertificates: true,
  hasTunnel: true,
  startLab: () => startPostgres({ rowsInBig: 10 }),
  login: ({ roles }) => roles.reader,
  startTelling: startTellingPostgres,
  proofs: (lab) => ({
    readable: { path: ['sales', 'orders'], rows: 88 },
    query: 'select 1 as one, null::text as nothing',
    parameterised: [
      {
        query: 'select id, name from sales.customers where id > $1 order by id',
        parameters: [1],
        rows: [
          [2, 'Ōsaka Trading 大阪'],
          [3, "O'Neill & Söhne"],
        ],
      },
    ],
    write: {
      query: `insert into sales.scratch values (1, 'written by a read') returning id`,
      isWritten: async () => (await countOf(lab, `sales.scratch where name = 'written by a read'`)) > 0,
    },
    // Locks of a session are left by the end of a transaction.
    residue: {
      leave: 'select pg_advisory_lock(20)',
      look: `select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`,
    },
    async grow() {
      const added = [900, 'alice', 'Grown', 'Anchor', 1, '1.00', '2024-01-01T00:00:00Z', null];
      await withAdmin(lab, (admin) =>
        admin.query('insert into sales.orders values ($1, $2, $3, $4, $5, $6, $7, $8)', added),
      );
      return {
        rows: [added],
        undo: () =>
          withAdmin(
            lab,
            async (admin) => void (await admin.query('delete from sales.orders where id = 900')),
          ),
      };
    },
    slow: {
      read: { query: 'select pg_sleep(120) as slow_contract_work' },
      isRunning: () => isRunning(lab, 'slow_contract_work'),
    },
    types: [
      {
        title: 'all types',
        read: { query: 'select * from sales.all_types order by id' },
        columns: typeColumns,
        rows: typeRows,
      },
    ],
  }),
});
