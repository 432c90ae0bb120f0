/** A login that the server checks by password. */
export interface MariaDbLogin {
  user: string;
  password: string;
}

const rowsPerOwner = { alice: 5, bob: 3 };

function ordersSql(): string[] {
  return Object.entries(rowsPerOwner).flatMap(([owner, count], place) =>
    Array.from({ length: count }, (_, index) => {
      const id = (place + 1) * 1000 + index + 1;
      const note = index === 0 ? 'null' : `'for ${owner}'`;
      return `insert into all_orders values (${id}, '${owner}', 'Customer ${index + 1}', '${place === 0 ? 'Anchor' : 'Buoy'}', ${index + 1}, ${(index + 1) * 10.5}, '2024-03-0${index + 1} 08:00:00', ${note})`;
    }),
  );
}

const tables = [
  'create table all_orders (id int primary key, owner varchar(64) not null, customer varchar(64) not null, product varchar(64) not null, quantity int not null, price decimal(12,2) not null, ordered_at timestamp not null, note text)',
  // USER() is the signed-in user; CURRENT_USER() would be the view's definer.
  "create definer = 'lab_admin'@'%' sql security definer view orders as select * from all_orders where owner = substring_index(user(), '@', 1)",
  'create table customers (id int primary key, name varchar(100) not null, country char(2))',
  "insert into customers values (1, 'Ærøskøbing Færger', 'DK'), (2, 'Ōsaka Trading 大阪', 'JP'), (3, 'O''Neill & Söhne', null)",
  'create table `Order Lines; drop` (`Order Id` int, `Unit Price` decimal(10,4))',
  'insert into `Order Lines; drop` values (1, 12.5), (2, -0.0001)',
  'create table empty (id int, name varchar(10))',
  'create table scratch (id int, name varchar(100))',
  'create table salaries (employee varchar(20), amount decimal(10,2))',
  "insert into salaries values ('alice', 1), ('bob', 2)",
  "create definer = 'lab_admin'@'%' sql security definer view big as select seq as id, concat('name ', seq) as name, cast(seq * 1.01 as decimal(14,2)) as amount, timestamp'2020-01-01 00:00:00' + interval seq second as at, seq % 2 = 0 as flag from seq_1_to_1000000",
  "create table all_types (id int primary key, c_bool bool, c_tiny tinyint, c_utiny tinyint unsigned, c_small smallint, c_medium mediumint, c_int int, c_big bigint, c_ubig bigint unsigned, c_decimal decimal(38,10), c_float float, c_double double, c_bit bit(8), c_char char(5), c_varchar varchar(50), c_text text, c_binary binary(4), c_blob blob, c_date date, c_time time(6), c_datetime datetime(6), c_timestamp timestamp(6) null, c_year year, c_json json, c_enum enum('a', 'b'), c_set set('x', 'y'), c_uuid uuid, c_inet6 inet6)",
  "insert into all_types values (1, true, 127, 255, 32767, 8388607, 2147483647, 9223372036854775807, 18446744073709551615, 1234567890123456789012345678.0123456789, 1.5, 2.718281828459045, b'10101010', 'ab', 'grinning 😀 \"quoted\", comma', 'text', x'deadbeef', x'00ff10', '2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012', 2024, '{\"a\": [1, null, \"x\"]}', 'a', 'x,y', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2001:db8::1')",
  "insert into all_types values (2, false, -128, 0, -32768, -8388608, -2147483648, -9223372036854775808, 0, -0.0000000001, -1.5, -1e300, b'0', '', '', '', x'00000000', x'', '9999-12-31', '-838:59:59', '1000-01-01 00:00:00', '1970-01-01 00:00:01', 1901, 'null', 'b', '', '00000000-0000-0000-0000-000000000000', '::')",
  `insert into all_types values (3${', null'.repeat(27)})`,
];

const readable = ['orders', 'customers', 'big', 'all_types', 'empty', '`Order Lines; drop`', 'scratch'];

const bySecret = ({ user, password }: MariaDbLogin) =>
  `create user '${user}'@'%' identified by '${password}'`;
const byEd25519 = ({ user, password }: MariaDbLogin) =>
  `create user '${user}'@'%' identified via ed25519 using password('${password}')`;

function grantsSql(login: MariaDbLogin, create: (login: MariaDbLogin) => string): string[] {
  const { user } = login;
  return [
    create(login),
    ...readable.map((table) => `grant select on sales.${table} to '${user}'@'%'`),
    `grant insert, update, delete on sales.scratch to '${user}'@'%'`,
  ];
}

export interface Logins {
  admin: MariaDbLogin;
  /** By the usual password method. */
  roles: readonly MariaDbLogin[];
  /** Where the server has the plug-in. */
  ed25519?: MariaDbLogin | undefined;
}

/** What the server runs at its start, one statement a line, as `--init-file` wants it. */
export function initFile({ admin, roles, ed25519 }: Logins): string {
  const statements = [
    'set names utf8mb4',
    "set time_zone = '+00:00'",
    `create user '${admin.user}'@'%' identified by '${admin.password}'`,
    `grant all privileges on *.* to '${admin.user}'@'%' with grant option`,
    'create database sales character set utf8mb4',
    'use sales',
    ...tables,
    ...ordersSql(),
    ...roles.flatMap((login) => grantsSql(login, bySecret)),
    ...(ed25519 ? grantsSql(ed25519, byEd25519) : []),
  ];
  return statements.map((statement) => `${statement};\n`).join('');
}
