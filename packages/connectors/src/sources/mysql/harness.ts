import { mysqlHarness } from '../../families/mysql/mysql-harness.js';
import { typeColumns, typeRows } from './__fixtures__/all-types.js';

/** Those whose values travel as text. */
const exact = typeColumns.filter(({ type }) => type !== 'float').map(({ name }) => name);

export const harness = mysqlHarness({
  write: `insert into scratch values (1, 'written by a read')`,
  // A variable of a session is left by the end of a transaction.
  residue: { leave: `select @left := 'behind'`, look: 'select @left' },
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
});
