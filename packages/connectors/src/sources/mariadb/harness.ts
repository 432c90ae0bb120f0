import { mysqlHarness } from '../../families/mysql/mysql-harness.js';

export const harness = mysqlHarness({
  write: `insert into sales.scratch values (1, 'written by a read') returning id`,
  residue: { leave: `select get_lock('residue', 0)`, look: `select is_used_lock('residue') is not null` },
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
});
