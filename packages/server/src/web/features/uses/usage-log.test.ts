import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { connect, type Source, startSource } from './__fixtures__/use-stand.js';

const verify = '/api/v1/data-credentials/actions/verify-uses';

describe('V18: the usage log', () => {
  let server: TestServer;
  let source: Source;
  let admin: ApiClient;
  let path: string;
  const used = 5;

  beforeAll(async () => {
    source = await startSource();
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    path = await connect(admin, source, 'used');
    for (let round = 0; round < used; round += 1) {
      await admin.post(`${path}/actions/preview`, { path: [`canary-path-${round % 2}`] });
    }
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  const check = async (body: object = {}) => (await admin.post(verify, body)).body;
  const tables = ['use_record', 'use_shard', 'use_checkpoint'];

  /** The report after these statements, which are then undone. */
  const tampered = async (...statements: string[]) => {
    for (const table of tables) await server.sql(`create table kept_${table} as select * from ${table}`);
    for (const statement of statements) await server.sql(statement);
    const report = await check();
    for (const table of tables) {
      await server.sql(`delete from ${table}`);
      await server.sql(`insert into ${table} select * from kept_${table}`);
      await server.sql(`drop table kept_${table}`);
    }
    return report;
  };

  it('records who used what with which key, and a keyed hash instead of values', async () => {
    const { credentialId } = (await admin.get(`${path}/credential`)).body;
    const me = (await admin.get('/api/v1/users/me')).body;
    const { data } = (await admin.get(`/api/v1/data-credentials/${credentialId}/uses`)).body;
    expect(data).toHaveLength(used);
    expect(data[0]).toMatchObject({
      ...{ action: 'preview', credentialId, credentialOwnerId: me.id, credentialVersion: 1, userId: me.id },
      via: { kind: 'api-key', id: data[0].keyId },
    });
    expect(data[0]).not.toHaveProperty('clientId');
    const hashes = data.map((use: { whatHash: string }) => use.whatHash);
    expect(new Set(hashes).size).toBe(2);
    expect(await server.storedText()).not.toContain('canary-path');
  });

  it('LI2: verifies as intact, and contains a head that was noted earlier', async () => {
    const whole = await check();
    expect(whole).toMatchObject({ ok: true, done: true, records: used * 2 });
    expect(await check({ head: whole.head })).toEqual(whole);
    expect(await check({ head: { ...whole.head, seq: whole.head.seq + 1 } })).toMatchObject({ ok: false });
    const { seq } = whole.head;
    expect(await check({ head: { seq, hash: 'x' } })).toMatchObject({
      ok: false,
      broken: { seq, problem: 'not the record of this head' },
    });
  });

  it('LI2: detects a change of any column of any record, and its place', async () => {
    await check();
    const texts = ['at', 'user_id', 'client_id', 'via_kind', 'via_id', 'connection_id', 'space_id', 'action'];
    texts.push('credential_id', 'credential_owner_id', 'what_hash', 'result', 'hash');
    const numbers = ['checkpoint', 'credential_version', 'of_seq', 'rows', 'bytes'];
    for (const [columns, value] of [
      [texts, "'x'"],
      [numbers, '77'],
    ] as const) {
      for (const column of columns) {
        const report = await tampered(`update use_record set ${column} = ${value} where seq = 4`);
        expect(report, column).toMatchObject({ ok: false, broken: { seq: 4, problem: 'changed' } });
      }
    }
    expect(await check()).toMatchObject({ ok: true });
  });

  it('LI2: detects records that were removed, renumbered or cut off, even together with their head', async () => {
    await check();
    const cases: [string[], object][] = [
      [['update use_record set seq = 100 where seq = 5'], { seq: 5, problem: 'missing' }],
      [['delete from use_record where seq = 3'], { seq: 3, problem: 'missing' }],
      [['delete from use_record where seq > 8'], { seq: 9, problem: 'cut off' }],
      [['delete from use_record'], { seq: 1, problem: 'cut off' }],
      [['delete from use_shard'], { seq: 10, problem: 'head missing' }],
      [["update use_shard set seq = 7, hash = 'x'"], { seq: 7, problem: 'set back' }],
      [["update use_shard set hash = 'x'"], { seq: 10, problem: 'changed' }],
      [
        [
          'delete from use_record where seq > 8',
          'update use_shard set seq = 8, hash = (select hash from use_record where seq = 8)',
        ],
        { problem: 'cut off' },
      ],
    ];
    for (const [statements, broken] of cases) {
      expect(await tampered(...statements), statements.join('; ')).toMatchObject({ ok: false, broken });
    }
    expect(await check()).toMatchObject({ ok: true });
  });

  it('LI2: detects a checkpoint that was removed, changed or set back', async () => {
    const { head } = await check();
    for (const statement of [
      'delete from use_checkpoint',
      `delete from use_checkpoint where number = ${head.seq}`,
      'delete from use_checkpoint where number = 1',
      `update use_checkpoint set number = 50 where number = ${head.seq}`,
      `update use_checkpoint set hash = 'x' where number = ${head.seq}`,
      `update use_checkpoint set previous_hash = 'x' where number = ${head.seq}`,
      `update use_checkpoint set heads = '[]' where number = ${head.seq}`,
      `update use_checkpoint set heads = 'no json' where number = ${head.seq}`,
      `update use_checkpoint set note = 'new key: none' where number = ${head.seq}`,
      `update use_checkpoint set kept_from = ${head.seq}`,
      `update use_checkpoint set at = '2020-01-01T00:00:00.000Z' where number = ${head.seq}`,
      `update use_checkpoint set key_version = 9 where number = ${head.seq}`,
    ]) {
      expect(await tampered(statement), statement).toMatchObject({ ok: false, broken: {} });
    }
    expect(await check()).toMatchObject({ ok: true });
  });

  it('LI2: detects a log that was set back while a node runs: numbers only grow, so a gap remains', async () => {
    const { head } = await check();
    await admin.post(`${path}/actions/preview`, { path: [] });
    const later = (await check()).head;
    // A periodic checkpoint may have come in between.
    expect(later.seq).toBeGreaterThan(head.seq);
    // Everything as it was before that use: records, heads and checkpoints agree with each other.
    await server.sql(`delete from use_checkpoint where number > ${head.seq}`);
    await server.sql('delete from use_record where seq > 10');
    await server.sql('update use_shard set seq = 10, hash = (select hash from use_record where seq = 10)');
    expect(await check()).toMatchObject({ ok: false, broken: { seq: later.seq, problem: 'set back' } });
    await admin.post(`${path}/actions/preview`, { path: [] });
    await server.restart();
    const broken = { seq: head.seq + 1, problem: 'missing' };
    expect(await check()).toMatchObject({ ok: false, broken });
  });
});
