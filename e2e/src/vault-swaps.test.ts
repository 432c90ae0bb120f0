import { full } from '@mooring/lab/test-tier';
import type { TestUser } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  copySecret,
  loginOf,
  refusalOf,
  type SealedRow,
  sealedRow,
  startVaultStand,
  type VaultStand,
} from './vault-stand.js';

// Processes start and stop in these tests; a machine with other work must not fail them.
// Sealed secrets that an attacker with the disk moved to where they do not belong.

interface Member extends TestUser {
  /** Connection in the shared space, separated. */
  connectionId: string;
  credentialId: string;
}

let stand: VaultStand;
let spaceId: string;
let alice: Member;
let bob: Member;

beforeAll(async () => {
  stand = await startVaultStand();
  const space = await stand.admin.post('/api/v1/spaces', { name: 'Shared', type: 'shared' });
  spaceId = space.body.id;
  const connection = await stand.admin.post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName: 'Orders',
    space: spaceId,
    connectionProperties: { ...stand.target, separateCredentials: true },
  });
  expect(connection.status, connection.text).toBe(201);
  const join = async (subject: 'alice' | 'bob'): Promise<Member> => {
    const user = await stand.addUser(subject);
    const assignment = { type: 'user', assigneeId: user.id, roles: ['dataconsumer'] };
    await stand.admin.post(`/api/v1/spaces/${spaceId}/assignments`, assignment);
    const provided = await user.api.put(`/api/v1/data-connections/${connection.body.qID}/credential`, {
      credentialsName: `of ${subject}`,
      connectionProperties: loginOf(stand.postgres.roles[subject]),
    });
    expect(provided.body, provided.text).toMatchObject({ state: 'ready' });
    return { ...user, connectionId: connection.body.qID, credentialId: provided.body.credentialId };
  };
  alice = await join('alice');
  bob = await join('bob');
});
afterAll(() => stand.close());

const preview = ({ api }: Pick<TestUser, 'api'>, connectionId: string) =>
  api.post(`/api/v1/data-connections/${connectionId}/actions/preview`, {
    query: 'select owner from sales.orders',
  });
const owners = async (user: TestUser, connectionId: string) => {
  const { body, text } = await preview(user, connectionId);
  expect(body.rows, text).toBeDefined();
  return [...new Set((body.rows as string[][]).flat())];
};

/** Changes the store for the length of `work`, then puts the touched secrets back. */
async function during(
  touched: readonly string[],
  change: Parameters<VaultStand['withStore']>[0],
  work: () => Promise<void>,
): Promise<void> {
  const before = await stand.withStore((database) => {
    const rows = database.prepare('SELECT * FROM secret').all() as SealedRow[];
    change(database);
    return rows.filter(({ record_id }) => touched.includes(record_id));
  });
  await work();
  await stand.withStore((database) => {
    for (const row of before) copySecret(database, row, row, ['owner_id', 'version']);
  });
}

describe('secrets in the wrong place', () => {
  it('serves each user their own rows before anything is moved', async () => {
    expect(await owners(alice, alice.connectionId)).toEqual(['alice']);
    expect(await owners(bob, bob.connectionId)).toEqual(['bob']);
    expect(new Set(stand.relay.logins())).toEqual(new Set(['alice', 'bob']));
  });

  it.each([
    ['the owner too', ['owner_id', 'version']],
    // With less the quick tier has it from what seals: vault/envelope.test.ts.
    ...(full(1, 0) === 1
      ? ([
          ['the cryptographic columns', []],
          ['the version too', ['version']],
        ] as const)
      : []),
  ] as const)(
    "V03: alice's secret on bob's credential does not open for any user, moved with %s",
    async (_what, more) => {
      await during(
        [bob.credentialId],
        (database) => {
          const to = { record_id: bob.credentialId, field: 'login' };
          copySecret(database, sealedRow(database, alice.credentialId), to, more);
        },
        async () => {
          const before = stand.relay.logins().length;
          expect(refusalOf(await preview(bob, bob.connectionId))).toBe('unreadable');
          const test = `/api/v1/data-connections/${bob.connectionId}/actions/test`;
          expect(refusalOf(await bob.api.post(test, {}))).toBe('unreadable');
          expect(stand.relay.logins().slice(before), 'the source saw no login').toEqual([]);
          expect(await owners(alice, alice.connectionId)).toEqual(['alice']);
        },
      );
      expect(await owners(bob, bob.connectionId)).toEqual(['bob']);
    },
  );

  it("V03: alice's whole credential, given to bob with its link, does not open for him", async () => {
    const give = (to: Member) =>
      stand.withStore((database) => {
        database.prepare('UPDATE credential SET owner_id = ? WHERE id = ?').run(to.id, alice.credentialId);
        database.prepare('UPDATE secret SET owner_id = ? WHERE record_id = ?').run(to.id, alice.credentialId);
        const linked = to === bob ? alice.credentialId : bob.credentialId;
        database
          .prepare('UPDATE credential_link SET credential_id = ? WHERE user_id = ?')
          .run(linked, bob.id);
      });
    await give(bob);
    const before = stand.relay.logins().length;
    expect(refusalOf(await preview(bob, bob.connectionId))).toBe('unreadable');
    expect(refusalOf(await preview(alice, alice.connectionId))).toBe('missing');
    expect(stand.relay.logins().slice(before)).toEqual([]);
    await give(alice);
    expect(await owners(alice, alice.connectionId)).toEqual(['alice']);
    expect(await owners(bob, bob.connectionId)).toEqual(['bob']);
  });

  it('V04: a secret on another record of the same user does not open', async () => {
    const embedded = async (qName: string, role: 'alice' | 'bob') => {
      const { body } = await alice.api.post('/api/v1/data-connections', {
        datasourceID: 'postgres',
        qName,
        connectionProperties: { ...stand.target, ...loginOf(stand.postgres.roles[role]) },
      });
      return { id: body.qID as string, credentialId: body.qCredentialsID as string };
    };
    const [first, second] = [await embedded('First', 'alice'), await embedded('Second', 'bob')];
    await during(
      [first.credentialId, second.credentialId],
      (database) => {
        const [one, other] = [
          sealedRow(database, first.credentialId),
          sealedRow(database, second.credentialId),
        ];
        copySecret(database, one, other);
        copySecret(database, other, one);
      },
      async () => {
        expect(refusalOf(await preview(alice, first.id))).toBe('unreadable');
        expect(refusalOf(await preview(alice, second.id))).toBe('unreadable');
      },
    );
    expect(await owners(alice, second.id)).toEqual(['bob']);
  });

  it('V04: a user moved to another tenant with all their rows cannot open what was sealed in the first', async () => {
    const { body } = await bob.api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'Personal',
      connectionProperties: { ...stand.target, ...loginOf(stand.postgres.roles.bob) },
    });
    expect(await owners(bob, body.qID)).toEqual(['bob']);
    const tables = ['credential', 'secret', 'connection'].map((table) => [table, 'owner_id'] as const);
    const others = [
      ['user', 'id'],
      ['api_key', 'user_id'],
    ] as const;
    await stand.withStore((database) => {
      // One table after the other: what refers to another would hold it.
      database.exec('PRAGMA foreign_keys = OFF');
      database.prepare("INSERT INTO tenant VALUES ('T2', 'other', '2026-01-01T00:00:00.000Z')").run();
      for (const [table, column] of [...tables, ...others])
        database.prepare(`UPDATE "${table}" SET tenant_id = 'T2' WHERE ${column} = ?`).run(bob.id);
      const moved = 'UPDATE credential_destination SET tenant_id = ? WHERE credential_id = ?';
      database.prepare(moved).run('T2', body.qCredentialsID);
    });
    const before = stand.relay.logins().length;
    expect((await bob.api.get('/api/v1/users/me')).body.tenantId).toBe('T2');
    expect(refusalOf(await preview(bob, body.qID))).toBe('unreadable');
    expect((await preview(bob, alice.connectionId)).status, "the other tenant's").toBe(404);
    expect(stand.relay.logins().slice(before)).toEqual([]);
  });

  it("V05: the former version's columns on the present version do not open", async () => {
    const replaced = await stand.withStore((database) => sealedRow(database, alice.credentialId));
    const path = `/api/v1/data-connections/${alice.connectionId}/credential`;
    const connectionProperties = loginOf(stand.postgres.roles.alice);
    expect((await alice.api.put(path, { connectionProperties })).status).toBe(200);
    await stand.withStore((database) => {
      expect(sealedRow(database, alice.credentialId).version).toBeGreaterThan(replaced.version);
      copySecret(database, replaced, replaced);
    });
    expect(refusalOf(await preview(alice, alice.connectionId))).toBe('unreadable');
    // A user with an unreadable credential provides it again, and it works.
    expect((await alice.api.put(path, { connectionProperties })).body).toMatchObject({ state: 'ready' });
    expect(await owners(alice, alice.connectionId)).toEqual(['alice']);
  });
});
