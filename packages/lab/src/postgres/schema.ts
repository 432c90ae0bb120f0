const prefix = 'person';
/** Users with their own login and their own rows: `person01` to `person20`. */
export const personNames = Array.from(
  { length: 20 },
  (_, index) => `${prefix}${String(index + 1).padStart(2, '0')}`,
);

/** Everything created before the roles. */
export function schemaSql(rowsInBig: number): string {
  return `
create schema sales;
create table sales.orders (
  id int primary key,
  owner text not null,
  customer text not null,
  product text not null,
  quantity int not null,
  price numeric(12,2) not null,
  ordered_at timestamptz not null,
  note text
);
alter table sales.orders enable row level security;
create policy own_rows on sales.orders using (owner = current_user);
create policy all_rows on sales.orders using (current_user = 'reader');

create view sales.order_totals with (security_invoker = true) as
  select customer, count(*) as orders, sum(quantity * price) as total from sales.orders group by customer;

create table sales.customers (id int primary key, name text not null, country char(2));
insert into sales.customers values (1, 'Ærøskøbing Færger', 'DK'), (2, 'Ōsaka Trading 大阪', 'JP'), (3, 'O''Neill & Söhne', null);

create table sales."Order Lines" ("Order Id" int, "Unit Price" numeric(10,4), "say ""hi""" text);
insert into sales."Order Lines" values (1, 12.5000, 'plain'), (2, -0.0001, null);
create schema "Odd Schema";
create table "Odd Schema"."100% of it; drop table" ("select" int);
insert into "Odd Schema"."100% of it; drop table" values (42);

create table sales.empty (id int, name text);
create table sales.salaries (employee text, amount numeric);
insert into sales.salaries values ('alice', 1), ('bob', 2);
create table sales.scratch (id int, name text);

create view sales.big as
  select g::int as id, 'name ' || g as name, (g * 1.01)::numeric(14,2) as amount,
    timestamptz '2020-01-01 00:00:00+00' + g * interval '1 second' as at, g % 2 = 0 as flag
  -- In the list of a select, it is made while it is read; as a table it would be made whole first.
  from (select generate_series(1, ${rowsInBig}) as g) as numbers;

${allTypesSql}`;
}

const allTypesSql = `
create table sales.all_types (
  id int primary key,
  c_bool bool, c_int2 int2, c_int4 int4, c_int8 int8, c_numeric numeric(38,10), c_numeric_free numeric,
  c_float4 float4, c_float8 float8, c_text text, c_varchar varchar(20), c_char char(5), c_date date, c_time time,
  c_timetz timetz, c_timestamp timestamp, c_timestamptz timestamptz, c_interval interval, c_bytea bytea,
  c_json json, c_jsonb jsonb, c_uuid uuid, c_inet inet, c_int_array int4[], c_text_array text[]
);
insert into sales.all_types values
  (1, true, 32767, 2147483647, 9223372036854775807, 1234567890123456789012345678.0123456789, 0.1,
   1.5, 2.718281828459045, 'grinning 😀 "quoted", comma', 'varchar', 'ab', '2024-02-29', '23:59:59.999999',
   '12:00:00+02', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012+02', '1 day 02:03:04', '\\xdeadbeef00ff',
   '{"a": [1, null, "x"]}', '{"b": {"c": 1.5}}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '192.0.2.1',
   '{1,2,3}', '{"a","b,c",null}'),
  (2, false, -32768, -2147483648, -9223372036854775808, -0.0000000001, 'NaN',
   '-Infinity', 'NaN', '', '', '', '9999-12-31', '00:00:00',
   '00:00:00-12', '0001-01-01 00:00:00', '9999-12-31 23:59:59.999999+00', '-1 mon', '\\x',
   'null', '[]', '00000000-0000-0000-0000-000000000000', '2001:db8::1', '{}', '{}'),
  (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null, null, null, null, null, null);`;

/** Rows of `sales.orders`: each user sees a different number of different rows. */
export const ordersSql = `
insert into sales.orders (id, owner, customer, product, quantity, price, ordered_at, note)
  select 1000 + g, 'alice', 'Customer ' || g, 'Anchor', g, 10.50 * g, timestamptz '2024-03-01 08:00:00+00' + g * interval '1 day',
    case when g = 1 then null else 'for alice' end from generate_series(1, 5) g;
insert into sales.orders (id, owner, customer, product, quantity, price, ordered_at, note)
  select 2000 + g, 'bob', 'Customer ' || g, 'Buoy', g, 3.25 * g, timestamptz '2024-04-01 08:00:00+00' + g * interval '1 hour',
    'for bob' from generate_series(1, 3) g;
insert into sales.orders (id, owner, customer, product, quantity, price, ordered_at, note)
  select 10000 + p * 100 + g, '${prefix}' || lpad(p::text, 2, '0'), 'Customer ' || g, 'Cleat', g, 1.00 * g,
    timestamptz '2024-05-01 08:00:00+00', 'for ${prefix}' || lpad(p::text, 2, '0')
  from generate_series(1, 20) p, generate_series(1, 4) g;`;

/** Privileges of all roles but the administrator: read, and write to one table, to tell refusals apart. */
export function grantsSql(roles: readonly string[]): string {
  const allRoles = roles.join(', ');
  return `
grant usage on schema sales, "Odd Schema" to ${allRoles};
grant select on all tables in schema sales, "Odd Schema" to ${allRoles};
grant insert, update, delete on sales.scratch to ${allRoles};
revoke all on sales.salaries from ${allRoles};`;
}
