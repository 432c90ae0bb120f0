import { type ClientRequest, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startPostgres } from '@mooring/lab/postgres';
import { startS3 } from '@mooring/lab/s3';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPerson, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

type Postgres = Awaited<ReturnType<typeof startPostgres>>;

describe('using a shared connection', () => {
  let lab: Postgres;
  let server: TestServer;
  let alice: TestPerson;
  let bob: TestPerson;
  let carol: TestPerson;
  let connection: string;
  let spaceId: string;

  const properties = (login: object, more: object = {}) => ({
    host: lab.host,
    port: String(lab.port),
    db: lab.database,
    sslmode: 'disable',
    ...login,
    ...more,
  });

  beforeAll(async () => {
    lab = await startPostgres();
    server = await startServer({ configuration: { limits: { testSeconds: 5, idleSeconds: 5 } } });
    alice = await addPerson(server.url, server.adminKey, 'alice');
    bob = await addPerson(server.url, server.adminKey, 'bob');
    carol = await addPerson(server.url, server.adminKey, 'carol');
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
    for (const person of [bob, carol]) {
      const member = { type: 'user', assigneeId: person.id, roles: ['dataconsumer'] };
      await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
    }
    const { user: username, password } = lab.roles.alice;
    const made = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'postgres',
      qName: 'orders',
      space: spaceId,
      connectionProperties: properties(
        { username, password },
        { separateCredentials: 'true', credentialsName: 'my login' },
      ),
    });
    connection = `/api/v1/data-connections/${made.body.qID}`;
  });
  afterAll(async () => {
    await server.close();
    await lab.close();
  });

  const rowsOf = async (person: TestPerson) =>
    (await person.api.post(`${connection}/actions/preview`, { path: ['sales', 'orders'] })).body.rows;

  it('X07: refuses a user without a credential, typed, and never falls back to another', async () => {
    const refused = await bob.api.post(`${connection}/actions/read`, { path: ['sales', 'orders'] });
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'missing', dataSourceId: 'postgres', bring: `${connection}/credential` },
    });
    expect(refused.body.errors[0].meta).not.toHaveProperty('signIn');
    expect((await bob.api.post(`${connection}/actions/resolve`)).body).toMatchObject({
      usable: false,
      state: 'missing',
    });
  });

  it('D11: says that there is no page to sign in at, where a source takes a password', async () => {
    const refused = await bob.api.put(`${connection}/credential`, { credentialId: null, authUrlOnly: true });
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0].detail).toMatch(/^authUrlOnly: .*connectionProperties/);
  });

  it('VA17: what can be browsed to can be read, as deep as the source goes', async () => {
    const folders = Array.from({ length: 490 }, () => 'a/');
    const s3 = await startS3({ forged: { [`${folders.join('')}r.csv`]: Buffer.from('id\n7\n') } });
    const made = await alice.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'File_AmazonS3Connector', qName: 'deep' },
      connectionProperties: {
        ...{ endpoint: s3.url, region: s3.region, bucketName: 'mooring-lab', ...s3.accounts.analyst },
      },
    });
    expect(made.status, made.text).toBe(201);
    const call = (action: string, path: string[]) =>
      alice.api.post(`/api/v1/data-connections/${made.body.qID}/actions/${action}`, { path });
    const browsed = await call('browse', ['hostile/', ...folders]);
    expect(browsed.status, browsed.text).toBe(200);
    const [{ path, readable }] = browsed.body.items;
    expect([path.length, readable]).toEqual([492, true]);
    expect((await call('preview', path)).body).toMatchObject({ rows: [['7']] });
    const read = await call('read', path);
    expect([read.status, read.text]).toEqual([200, '{"id":"7"}\n']);
    await s3.close();
    for (const action of ['browse', 'preview', 'read']) {
      const refused = await alice.api.post(`${connection}/actions/${action}`, { path: ['a', 'b', 'c', 'd'] });
      expect([refused.status, refused.body.errors[0].detail]).toEqual([
        ...[400, 'path: has 4 parts; paths of this data source have at most 3'],
      ]);
    }
  });

  it('shows two users their own rows through one connection', async () => {
    const { user: username, password } = lab.roles.bob;
    const brought = await bob.api.put(`${connection}/credential`, {
      credentialsName: 'bobs login',
      connectionProperties: { username, password },
    });
    expect(brought.body).toMatchObject({ state: 'ready', separated: true, credentialsName: 'bobs login' });
    const [ofAlice, ofBob] = [await rowsOf(alice), await rowsOf(bob)];
    expect(ofAlice.length).toBe(5);
    expect(ofBob.length).toBe(3);
    expect(JSON.stringify(ofAlice)).not.toEqual(JSON.stringify(ofBob));
    expect(
      (await carol.api.post(`${connection}/actions/preview`, { path: ['sales', 'orders'] })).status,
    ).toBe(403);
  });

  it('shows the owner of a credential who used it', async () => {
    const mine = await bob.api.get('/api/v1/data-credentials/bobs%20login?byCredentialName=true');
    const uses = await bob.api.get(`/api/v1/data-credentials/${mine.body.qID}/uses`);
    expect(uses.body.data[0]).toMatchObject({ userId: bob.id, action: 'preview', result: 'ok' });
    expect((await alice.api.get(`/api/v1/data-credentials/${mine.body.qID}/uses`)).status).toBe(404);
  });

  it('SU4, VA8: previews minus zero with its sign, and what no double holds as the text of its JSON', async () => {
    const query = `select '-0'::float8 as f, '{-0,1.5}'::float8[] as l, '{"a":[1.0,-0]}'::json as j, '[1e400]'::json as big, 'null'::json as n`;
    const { text } = await alice.api.post(`${connection}/actions/preview`, { query });
    expect(text).toContain('"rows":[[-0,[-0,1.5],{"a":[1.0,-0]},"[1e400]",null]]');
  });

  it('tests in stages for the owner, and coarsely for others', async () => {
    const answer = await alice.api.post(`${connection}/actions/test`);
    expect(answer.body.ok).toBe(true);
    expect(answer.body.stages.map((stage: { name: string }) => stage.name)).toEqual([
      'name',
      'route',
      'tcp',
      'signIn',
      'rights',
      'firstRow',
    ]);
    expect((await bob.api.post(`${connection}/actions/test`)).body).toEqual({
      ok: true,
      stages: [{ name: 'connection', ok: true }],
    });
  });

  it.each([
    ['a wrong password', { password: 'wrong' }, 'signIn', 'SOURCE-SIGN-IN-FAILED'],
    ['a closed port', { port: 1 }, 'tcp', 'SOURCE-UNREACHABLE'],
    ['a name that does not exist', { host: 'no-such-host.invalid' }, 'name', 'SOURCE-UNREACHABLE'],
    ['a metadata address', { host: '169.254.169.254' }, 'route', 'EGRESS-REFUSED'],
    ['TLS that is not trusted', { sslmode: 'verify-full' }, 'tls', 'SOURCE-TLS-FAILED'],
  ])('says at which stage %s fails, with a code and a remedy', async (_what, wrong, stage, code) => {
    const { user: username, password } = lab.roles.alice;
    const answer = await alice.api.post('/api/v1/data-connections/actions/test', {
      dataSourceId: 'postgres',
      connectionProperties: properties({ username, password }, wrong),
    });
    expect(answer.status).toBe(200);
    expect(answer.body.ok).toBe(false);
    expect(answer.body.stages.at(-1)).toMatchObject({ name: stage, ok: false, code });
    expect(answer.body.stages.at(-1).remedy).toBeTruthy();
    expect(answer.text).not.toContain(password);
  });

  it('TR12: tells at once who was refused by the source, though they may not edit the connection', async () => {
    const { user: username } = lab.roles.bob;
    const member = await addPerson(server.url, server.adminKey, 'member');
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      ...{ type: 'user', assigneeId: member.id, roles: ['dataconsumer'] },
    });
    const brought = await member.api.put(`${connection}/credential`, {
      credentialsName: 'wrong login',
      connectionProperties: { username, password: 'not the password' },
    });
    expect(brought.status, brought.text).toBe(200);
    const since = performance.now();
    const tested = await member.api.post(`${connection}/actions/test`);
    expect(tested.body.stages).toEqual([
      {
        ...{ name: 'signIn', ok: false, code: 'SOURCE-SIGN-IN-FAILED' },
        message: 'The source refused your sign-in.',
        remedy: 'Enter your credential again.',
      },
    ]);
    for (const action of ['browse', 'preview', 'read']) {
      const body = action === 'browse' ? {} : { path: ['sales', 'orders'] };
      const used = await member.api.post(`${connection}/actions/${action}`, body);
      expect(used.status).toBe(403);
      expect(used.body.errors[0]).toMatchObject({
        code: 'SOURCE-SIGN-IN-FAILED',
        detail: 'The source refused your sign-in. Enter your credential again.',
        meta: { bring: `${connection}/credential` },
      });
    }
    expect(performance.now() - since).toBeLessThan(3_000);
  });

  it('X04: does not use a credential at another destination until its user confirms it', async () => {
    const credential = await alice.api.get('/api/v1/data-credentials/my%20login?byCredentialName=true');
    const made = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'postgres',
      qName: 'elsewhere',
      space: spaceId,
      connectionProperties: {
        ...properties({}),
        separateCredentials: true,
        selectedCredentials: credential.body.qID,
      },
    });
    expect(made.status).toBe(201);
    const moved = await alice.api.patch(`/api/v1/data-connections/${made.body.qID}`, [
      { op: 'replace', path: '/connectionProperties/host', value: 'localhost' },
    ]);
    expect(moved.status, moved.text).toBe(204);
    expect((await alice.api.get(`/api/v1/data-connections/${made.body.qID}`)).body).not.toHaveProperty(
      'qCredentialsID',
    );
    const path = `/api/v1/data-connections/${made.body.qID}`;
    const refused = await alice.api.post(`${path}/actions/preview`, { path: ['sales', 'orders'] });
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'needs_confirmation' },
    });
    const state = await alice.api.get(`${path}/credential`);
    expect(state.body.destination).toContain('host=localhost');
    expect(
      (await alice.api.post(`${path}/credential/actions/confirm`, { destination: 'host=elsewhere' })).status,
    ).toBe(409);
    const confirmed = await alice.api.post(`${path}/credential/actions/confirm`, {
      destination: state.body.destination,
    });
    expect(confirmed.body.state).toBe('ready');
    expect((await alice.api.post(`${path}/actions/preview`, { path: ['sales', 'orders'] })).status).toBe(200);
  });

  it.each([
    ['read', { where: { column: 'a', op: 'eq', value: 1 } }, 'where'],
    ['preview', { filter: 'a = 1' }, 'filter'],
    ['read', { orderBy: ['a'] }, 'orderBy'],
    ['read', { parameters: [1] }, 'parameters'],
    ['preview', { offset: 10, describe: true }, 'offset'],
    ['browse', { pattern: '*' }, 'pattern'],
    ['test', { connectionProperties: { host: 'elsewhere' } }, 'connectionProperties'],
    ['resolve', { user: 'x' }, 'user'],
  ])('US1: %s with %j is a 400 that names the member', async (action, more, name) => {
    const target = action === 'read' || action === 'preview' ? { path: ['sales', 'orders'] } : {};
    const answer = await alice.api.post(`${connection}/actions/${action}`, { ...target, ...more });
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body.errors[0].detail).toContain(`${name}: is not a member of this request. Supported:`);
    const asked = await alice.api.post(`${connection}/actions/${action}?${name}=x`, target);
    const supported = action === 'read' ? 'header' : 'none';
    expect(asked.body.errors[0].detail).toContain(
      `${name}: is not a parameter of this request. Supported: ${supported}`,
    );
  });

  it('US3: tells the author of a query what the server says, with its code and the place in their text', async () => {
    const said = async (query: string, action = 'preview') =>
      (await alice.api.post(`${connection}/actions/${action}`, { query })).body.errors[0];
    expect(await said('select 1,\n  sumx(1)')).toMatchObject({
      code: 'SOURCE-QUERY-INVALID',
      meta: {
        server: { message: 'function sumx(integer) does not exist', code: '42883', position: 13 },
      },
    });
    const { detail } = await said('selec 1', 'read');
    expect(detail).toMatch(
      /The server says: "syntax error at or near "selec"" \(42601, at character 1 of your query\)\.$/,
    );
    expect((await said('select * from sales.nosuch')).meta.server.message).toMatch(
      /"sales.nosuch" does not exist/,
    );
  });

  it('US3: never of a statement that is not theirs, and never with a part of the login', async () => {
    const byPath = await alice.api.post(`${connection}/actions/preview`, { path: ['sales', 'salaries'] });
    expect(byPath.body.errors[0], byPath.text).toMatchObject({ meta: { nativeCode: '42501' } });
    expect(byPath.text).not.toMatch(/The server says|"server"|at character/);
    const { password } = lab.roles.alice;
    for (const form of [password, Buffer.from(password).toString('base64'), password.toUpperCase()]) {
      const answer = await alice.api.post(`${connection}/actions/preview`, {
        query: `select '${form}'::int`,
      });
      expect(answer.body.errors[0].code).toBe('SOURCE-QUERY-INVALID');
      expect(answer.text).not.toContain('The server says');
      expect(answer.text).not.toContain(form);
    }
  });

  it('browses level by level', async () => {
    const schemas = await alice.api.post(`${connection}/actions/browse`, { path: [] });
    expect(schemas.body.items.map((item: { name: string }) => item.name)).toContain('sales');
    const tables = await alice.api.post(`${connection}/actions/browse`, { path: ['sales'], limit: 2 });
    expect(tables.body.items).toHaveLength(2);
    const more = await alice.api.post(`${connection}/actions/browse`, {
      path: ['sales'],
      limit: 2,
      page: tables.body.next,
    });
    expect(more.body.items[0].name).not.toBe(tables.body.items[0].name);
    const columns = await alice.api.post(`${connection}/actions/browse`, { path: ['sales', 'orders'] });
    expect(columns.body.items[0]).toMatchObject({ kind: 'column' });
  });

  it('R/D13: refuses to write, whatever the statement', async () => {
    for (const query of [
      'DELETE FROM sales.scratch',
      'SELECT 1; SELECT 2',
      "COPY (SELECT 1) TO PROGRAM 'true'",
      'WITH x AS (DELETE FROM sales.scratch RETURNING *) SELECT * FROM x',
    ]) {
      const answer = await alice.api.post(`${connection}/actions/preview`, { query });
      expect(answer.status, query).toBeGreaterThanOrEqual(400);
      expect(answer.status, query).toBeLessThan(500);
      expect(answer.text).not.toMatch(/syntax|DELETE FROM|sales\.scratch/);
    }
  });

  it('VA6: reads a file as the request and the connection say, and tells how', async () => {
    const store = createServer((_request, response) => {
      response.end(Buffer.from('id;city;n\n1;Zürich;7\n', 'latin1'));
    });
    await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
    const made = await alice.api.post('/api/v1/data-connections', {
      ...{ dataSourceId: 'File_AmazonS3Connector', qName: 'files' },
      connectionProperties: { endpoint, bucketName: 'lab', accessKey: 'key', secretKey: 'secret' },
    });
    const files = `/api/v1/data-connections/${made.body.qID}`;
    const path = ['umsatz.csv'];
    const use = (action: string, more: object = {}) =>
      alice.api.post(`${files}/actions/${action}`, { path, ...more });

    const undecided = await use('preview');
    expect([undecided.status, undecided.body.errors[0].code]).toEqual([424, 'SOURCE-PROTOCOL-ERROR']);
    expect(undecided.body.errors[0].detail).toContain('Record 1 in column "city"');
    expect(undecided.body.errors[0].detail).toContain('"file": {"encoding": "windows-1252"}');
    const change = { op: 'add', path: '/connectionProperties/file', value: { encoding: 'windows-1252' } };
    const changed = await alice.api.patch(files, [change]);
    expect(changed.status, changed.text).toBe(204);
    const preview = await use('preview', { file: { columnTypes: { n: 'integer' } } });
    const told = {
      ...{ format: 'csv', encoding: 'windows-1252', delimiter: ';', quote: '"', header: true },
      lineEnd: '\n',
    };
    expect(preview.body, preview.text).toMatchObject({
      rows: [['1', 'Zürich', 7]],
      file: { ...told, columnTypes: { n: 'integer' } },
    });
    const read = await use('read', { file: { delimiter: ';' } });
    expect(JSON.parse(read.headers.get('mooring-file') ?? '')).toEqual(told);
    expect(JSON.parse(read.text)).toEqual({ id: '1', city: 'Zürich', n: '7' });
    for (const [action, body, fault] of [
      ['read', { file: { delimiter: ';;' } }, 'file.delimiter'],
      ['preview', { file: { delimeter: ';' } }, 'delimeter'],
      ['browse', { file: { header: 'perhaps' } }, 'file.header'],
    ] as const) {
      const refused = await use(action, body);
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining(fault)]);
    }
    for (const action of ['browse', 'preview', 'read']) {
      const refused = await alice.api.post(`${connection}/actions/${action}`, { path: [], file: {} });
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('it has no files')]);
    }
    const misspelt = [{ ...change, value: { encoding: 'klingon' } }];
    expect((await alice.api.patch(files, misspelt)).status).toBe(400);
    store.close();
  });

  it('refuses both, neither, and unknown columns by name', async () => {
    expect((await alice.api.post(`${connection}/actions/preview`, {})).status).toBe(400);
    expect(
      (await alice.api.post(`${connection}/actions/preview`, { path: ['a'], query: 'select 1' })).status,
    ).toBe(400);
    const answer = await alice.api.post(`${connection}/actions/preview`, {
      path: ['sales', 'orders'],
      columns: ['nope'],
    });
    expect(answer.status).toBe(422);
  });

  describe('read', () => {
    const read = (
      body: object,
      accept: string,
      search = '',
    ): Promise<{ message: IncomingMessage; request: ClientRequest }> =>
      new Promise((resolve, reject) => {
        const request = httpRequest(
          `${server.url}${connection}/actions/read${search}`,
          {
            method: 'POST',
            headers: { authorization: `Bearer ${alice.key}`, 'content-type': 'application/json', accept },
          },
          (message) => resolve({ message, request }),
        );
        request.on('error', reject);
        request.end(JSON.stringify(body));
      });
    const bytesOf = async (message: IncomingMessage): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    };

    it.each([
      ['application/x-ndjson', (bytes: Buffer) => bytes.toString().trim().split('\n').length],
      ['text/csv', (bytes: Buffer) => bytes.toString().trim().split('\r\n').length - 1],
      ['application/vnd.apache.arrow.stream', (bytes: Buffer) => tableFromIPC(bytes).numRows],
    ])('streams %s, whole, with a trailer that says so', async (type, countRows) => {
      const { message } = await read({ query: 'SELECT * FROM generate_series(1, 5000) AS n' }, type);
      expect(message.headers['content-type']).toContain(type);
      expect(message.headers['x-request-id']).toBeTruthy();
      expect(countRows(await bytesOf(message))).toBe(5000);
      expect(message.trailers['mooring-stream']).toBe('complete');
    });

    it('refuses what it does not offer', async () => {
      const { message } = await read({ path: ['sales', 'orders'] }, 'application/xml');
      expect(message.statusCode).toBe(406);
      await bytesOf(message);
    });

    it('ends abnormally when the source fails midway', async () => {
      const { message } = await read(
        { query: 'SELECT 1 / (60000 - n) FROM generate_series(1, 70000) AS n' },
        'text/csv',
      );
      expect(message.statusCode).toBe(200);
      await expect(bytesOf(message)).rejects.toThrow(/aborted/);
    });

    it('VA11: says in the last line why a read broke off, in the words of any other answer', async () => {
      const query = 'SELECT 1 / (60000 - n) FROM generate_series(1, 70000) AS n';
      const { message } = await read({ query }, 'application/x-ndjson');
      let text = '';
      await (async () => {
        for await (const chunk of message) text += chunk;
      })().catch(() => undefined);
      expect(message.complete).toBe(false);
      const { $mooring } = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');
      expect($mooring.error).toMatchObject({
        code: 'SOURCE-QUERY-INVALID',
        meta: { nativeCode: '22012' },
        traceId: message.headers['x-request-id'],
      });
    });

    it('VA14, SU7: names column, row and the way out of a value that Arrow cannot hold', async () => {
      const query = "SELECT d::date AS day FROM (VALUES ('2024-02-29'), ('infinity')) AS t (d)";
      const arrow = 'application/vnd.apache.arrow.stream';
      const refused = await read({ query }, arrow);
      expect(refused.message.statusCode).toBe(422);
      const { errors } = JSON.parse((await bytesOf(refused.message)).toString());
      expect(errors[0].detail).toContain('Column "day" of row 2');
      expect(errors[0].detail).toContain('"asText": ["day"]');
      const asText = await read({ query, asText: ['day'] }, arrow);
      const table = tableFromIPC(await bytesOf(asText.message));
      expect(Array.from(table.getChild('day') ?? [])).toEqual(['2024-02-29', 'infinity']);
      const unknown = await read({ query, asText: ['nope'] }, arrow);
      expect(unknown.message.statusCode).toBe(422);
      await bytesOf(unknown.message);
    });

    it('VA16: tells the columns of an empty answer, in a header and on request in a first line', async () => {
      const query = 'SELECT 1::numeric(5, 2) AS "betrag €", 2 AS x, 3 AS x WHERE false';
      const { message } = await read({ query }, 'application/x-ndjson');
      const columns = [
        { name: 'betrag €', nullable: true, type: 'decimal', precision: 5, scale: 2 },
        { name: 'x', nullable: true, type: 'integer', width: 32 },
        { name: 'x_2', nullable: true, type: 'integer', width: 32 },
      ];
      expect(JSON.parse(String(message.headers['mooring-columns']))).toEqual(columns);
      expect((await bytesOf(message)).length).toBe(0);
      const asked = await read({ query }, 'application/x-ndjson', '?header=1');
      expect(JSON.parse((await bytesOf(asked.message)).toString())).toEqual({ $mooring: { columns } });
    });

    it('VA13: escapes formulas only for who asks for it in the media type', async () => {
      const query = `SELECT '+49 30 123' AS phone, '@ann' AS name`;
      const kept = await read({ query }, 'text/csv');
      expect((await bytesOf(kept.message)).toString()).toBe('phone,name\r\n+49 30 123,@ann\r\n');
      const escaped = await read({ query }, 'text/csv; formulas=escape');
      expect(escaped.message.headers['content-type']).toContain('formulas=escape');
      expect((await bytesOf(escaped.message)).toString()).toBe("phone,name\r\n'+49 30 123,'@ann\r\n");
    });

    it('D25: stops the source within two seconds when the client leaves', async () => {
      const { message, request } = await read(
        { query: 'SELECT n, pg_sleep(0.001) FROM generate_series(1, 1000000) AS n' },
        'text/csv',
      );
      await new Promise((resolve) => message.once('data', resolve));
      request.destroy();
      const running = async () => {
        const query =
          "SELECT count(*)::int FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        return (await alice.api.post(`${connection}/actions/preview`, { query })).body.rows[0][0];
      };
      await expect.poll(running, { timeout: 2000, interval: 50 }).toBe(0);
    });
  });
});
