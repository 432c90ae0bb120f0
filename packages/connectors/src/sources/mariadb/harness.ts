import { type LabMariaDb, startMariaDb } from '@mooring/lab/mariadb';
import { sqlHarness } from '../../families/sql/sql-harness.js';
import { startTellingMysql } from '../../suite/telling-servers.js';
import { countOf, isRunning } from './__fixtures__/administration.js';

export const harness = sqlHarness<LabMariaDb>({
  database: 'database',
  harmless: { treatTinyAsBoolean: true },
  startLab: () => startMariaDb(),
  login: ({ admin }) => admin,
  startTelling: startTellingMysql,
  proofs: (lab) => ({
    readable: { path: ['sales', 'all_orders'], rows: 8 },
    query: 'select 1 as one, null as nothing',
    parameterised: {
      query: 'select id, name from sales.customers where id > ? order by id',
      parameters: [1],
      rows: [
        [2, 'Ōsaka Trading 大阪'],
        [3, "O'Neill & Söhne"],
      ],
    },
    write: {
      query: `insert into sales.scratch values (1, 'written by a read') returning id`,
      isWritten: async () => (await countOf(lab, `sales.scratch where name = 'written by a read'`)) > 0,
    },
    residue: { leave: `select get_lock('residue', 0)`, look: `select is_used_lock('residue') is not null` },
    slow: {
      read: { query: 'select sleep(120) as slow_contract_work' },
      isRunning: () => isRunning(lab, 'slow_contract_work'),
    },
    types: [
      {
        title: "MariaDB's own types",
        read: {
          query: `select cast('A0EEBC999C0B4EF8BB6D6BB9BD380A11' as uuid) as c_uuid, cast('2001:DB8:0::1' as inet6) as c_inet6,
            cast('192.0.2.1' as inet4) as c_inet4, c_json from sales.all_types where id = 1`,
        },
        columns: [
          { name: 'c_uuid', type: 'string' },
          { name: 'c_inet6', type: 'string' },
          { name: 'c_inet4', type: 'string' },
          { name: 'c_json', type: 'json' },
        ],
        rows: [['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2001:db8::1', '192.0.2.1', { a: [1, null, 'x'] }]],
      },
    ],
  }),
});
