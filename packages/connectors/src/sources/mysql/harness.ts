import { type LabMariaDb, startMariaDb } from '@mooring/lab/mariadb';
import { sqlHarness } from '../../families/sql/sql-harness.js';
import { startTellingMysql } from '../../suite/telling-servers.js';
import { countOf, isRunning } from './__fixtures__/administration.js';
import { typeColumns, typeRows } from './__fixtures__/all-types.js';

/** Those whose values travel as text. */
const exact = typeColumns.filter(({ type }) => type !== 'float').map(({ name }) => name);

export const harness = sqlHarness<LabMariaDb>({
  database: 'database',
  harmless: { treatTinyAsBoolean: true },
  startLab: startMariaDb,
  login: ({ admin }) => admin,
  startTelling: startTellingMysql,
  proofs: (lab) => ({
    readable: { path: ['sales', 'all_orders'], rows: 8 },
    query: 'select 1 as one, null as nothing',
    parameterised: {
      query: 'select id, name from customers where id > ? order by id',
      parameters: [1],
      rows: [
        [2, 'Ōsaka Trading 大阪'],
        [3, "O'Neill & Söhne"],
      ],
    },
    write: {
      query: `insert into scratch values (1, 'written by a read')`,
      isWritten: async () => (await countOf(lab, `sales.scratch where name = 'written by a read'`)) > 0,
    },
    // A variable of a session is left by the end of a transaction.
    residue: { leave: `select @left := 'behind'`, look: 'select @left' },
    slow: {
      read: { query: 'select sleep(120) as slow_contract_work' },
      isRunning: () => isRunning(lab, 'slow_contract_work'),
    },
    types: [
      {
        title: 'all types, which travel in binary for the floats among them',
        read: { query: 'select * from sales.all_types order by id' },
        columns: typeColumns,
        rows: typeRows,
      },
      {
        title: 'all types but floats, which travel as text',
        read: { query: `select ${exact.join(', ')} from sales.all_types order by id` },
        columns: typeColumns.filter(({ name }) => exact.includes(name)),
        rows: typeRows.map((row) => row.filter((_, at) => exact.includes(typeColumns[at]?.name ?? ''))),
      },
    ],
  }),
});
