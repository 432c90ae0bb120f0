// The data of a large team, as statements for either store: through the API it would take hours. The users under test
// (members of few, of many and of all spaces) are created through the API first, and passed in.

export interface Filling {
  connections: number;
  spaces: number;
  people: number;
  /** Audit events. */
  events: number;
  /** Ids of users who are members of the first so many spaces. */
  members: readonly { userId: string; spaces: number }[];
}

// As a bigint: products of it, below, are beyond an integer from 271,180 on.
const numbers = (count: number) =>
  `numbers (n) as (select cast(0 as bigint) union all select n + 1 from numbers where n < ${count - 1})`;
/** An id whose order differs from the order of insertion, as with random ids. */
const id = (prefix: string, n = 'n') => `'${prefix}-' || ((${n} * 7919) % 1000003) || '-' || ${n}`;
/** 24 digits, as in ids of spaces. */
const spaceIdOf = (n: string) => `(100000000000 + (${n} * 7919) % 1000003) || '' || (100000000000 + ${n})`;
/** Within the last second, so that nothing has expired. */
const at = `'${new Date().toISOString().slice(0, 20)}' || (100 + n % 900) || 'Z'`;
/** Id of one of the users created here; users are inserted before what belongs to them. */
const userOf = (users: number, n = 'n') =>
  `'user-' || ((${n} % ${users}) * 7919 % 1000003) || '-' || (${n} % ${users})`;

/** Statements that fill a store which has one tenant, in their order. */
export function fillingStatements({ connections, spaces, people, events, members }: Filling): string[] {
  const space = spaceIdOf(`(n % ${spaces})`);
  const inSpace = 'n % 10 < 9';
  const owner = userOf(people);
  return [
    `insert into "user" (id, tenant_id, subject, name, status, roles, created_at, updated_at)
      with recursive ${numbers(people)}
      select ${id('user')}, tenant.id, 'subject-' || n, 'User ' || n, 'active', '[]', ${at}, ${at}
      from numbers cross join tenant`,
    `insert into api_key (id, tenant_id, user_id, token_hash, description, created_by, created_at)
      with recursive ${numbers(people)}
      select ${id('key')}, tenant.id, ${id('user')}, 'hash-' || n, 'filled', '', ${at} from numbers cross join tenant`,
    `insert into space (id, tenant_id, name, name_key, type, description, owner_id, created_at, created_by, updated_at)
      with recursive ${numbers(spaces)}
      select ${spaceIdOf('n')}, tenant.id, 'Space ' || n, 'space ' || n, 'shared', '', ${owner}, ${at}, '', ${at}
      from numbers cross join tenant`,
    ...members.flatMap(({ userId, spaces: count }) => [
      `insert into assignment (id, tenant_id, space_id, user_id, created_at, created_by, updated_at, updated_by)
        with recursive ${numbers(count)}
        select '${userId}-' || n, tenant.id, ${spaceIdOf('n')}, '${userId}', ${at}, '', ${at}, ''
        from numbers cross join tenant`,
      `insert into assignment_role (tenant_id, assignment_id, space_id, user_id, role)
        with recursive ${numbers(count)}
        select tenant.id, '${userId}-' || n, ${spaceIdOf('n')}, '${userId}', 'dataconsumer'
        from numbers cross join tenant`,
    ]),
    `insert into connection (id, tenant_id, name, name_key, name_fold, scope, space_id, owner_id, source_id, properties,
        separated, destination, qri, tags, version, created_at, updated_at)
      with recursive ${numbers(connections)}
      select ${id('connection')}, tenant.id, 'Connection ' || n, 'Connection ' || n, 'connection ' || n,
        case when ${inSpace} then 'space:' || ${space} else 'user:' || ${owner} end,
        case when ${inSpace} then ${space} end, ${owner},
        case n % 3 when 0 then 'rest' else 'postgres' end,
        '{"host":"db.example.com","port":5432,"db":"sales","sslmode":"verify-full"}', 1,
        'postgres; host=db.example.com; port=5432', 'qri:db:postgres://filled', '[]', 1, ${at}, ${at}
      from numbers cross join tenant`,
    `insert into connection_tally (tenant_id, scope, source_id, part, total)
      select tenant_id, scope, source_id, '', count(*) from connection group by tenant_id, scope, source_id`,
    `insert into credential (id, tenant_id, owner_id, source_id, name, name_key, separated, sign_in, state, version,
        created_at, updated_at)
      with recursive ${numbers(connections)}
      select ${id('credential')}, tenant.id, ${owner}, case n % 3 when 0 then 'rest' else 'postgres' end,
        'Login ' || n, 'login ' || n, 1, 'password', 'ready', 1, ${at}, ${at} from numbers cross join tenant`,
    `insert into credential_destination (tenant_id, credential_id, destination, confirmed_at)
      with recursive ${numbers(connections)}
      select tenant.id, ${id('credential')}, 'postgres; host=db.example.com; port=5432', ${at}
      from numbers cross join tenant`,
    `insert into credential_link (tenant_id, connection_id, user_id, credential_id, created_at)
      with recursive ${numbers(connections)}
      select tenant.id, ${id('connection')}, ${owner}, ${id('credential')}, ${at} from numbers cross join tenant`,
    // Sealed rows that do not open; walking them costs the same.
    `insert into secret (tenant_id, record_kind, record_id, field, owner_id, version, key_id, wrapped_key, ciphertext)
      with recursive ${numbers(connections)}
      select tenant.id, 'credential', ${id('credential')}, 'login', ${owner}, 1, vault_key.id, 'AAAA', 'AAAA'
      from numbers cross join tenant cross join vault_key where state = 'active'`,
    `insert into audit_event (id, tenant_id, at, type, source, user_id, resource_id, data)
      with recursive ${numbers(events)}
      select ${id('event')}, tenant.id, ${at}, 'type ' || (n % 20), 'source ' || (n % 7), ${owner}, ${id('connection')}, '{}'
      from numbers cross join tenant`,
    'analyze',
  ];
}
