import { type ClientRequest, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startS3 } from '@mooring/lab/s3';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestUser } from '../../../testing/api-client.js';
import { type SharedConnection, sharedConnection } from './__fixtures__/shared-connection.js';

describe('what a user may ask for through a connection', () => {
  let shared: SharedConnection;
  let lab: SharedConnection['lab'];
  let server: SharedConnection['server'];
  let alice: TestUser;
  let connection: string;

  beforeAll(async () => {
    shared = await sharedConnection();
    ({ lab, server, alice, connection } = shared);
  });
  afterAll(() => shared.close());

  it('VA17: every path that can be browsed to can be read, up to the depth of the source', async () => {
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

  it('SU4, VA8: previews minus zero with its sign, and numbers beyond a double as the text of their JSON', async () => {
    const query = `select '-0'::float8 as f, '{-0,1.5}'::float8[] as l, '{"a":[1.0,-0]}'::json as j, '[1e400]'::json as big, 'null'::json as n`;
    const { text } = await alice.api.post(`${connection}/actions/preview`, { query });
    expect(text).toContain('"rows":[[-0,[-0,1.5],{"a":[1.0,-0]},"[1e400]",null]]');
  });

  it.each([
    ['read', { conditions: [{ column: 'a' }] }, 'conditions'],
    ['preview', { filter: 'a = 1' }, 'filter'],
    ['read', { sort: ['a'] }, 'sort'],
    ['read', { params: [1] }, 'params'],
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

  it('US3: never for a statement of Mooring itself, and never with a part of the login', async () => {
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

  it('VA6: reads a file with the options of the request and the connection, and reports those it used', async () => {
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
    ])('streams all of %s, with a trailer that says so', async (type, countRows) => {
      const { message } = await read({ query: 'SELECT * FROM generate_series(1, 5000) AS n' }, type);
      expect(message.headers['content-type']).toContain(type);
      expect(message.headers['x-request-id']).toBeTruthy();
      expect(countRows(await bytesOf(message))).toBe(5000);
      expect(message.trailers['mooring-stream']).toBe('complete');
    });

    it('refuses a media type that it does not offer', async () => {
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

    it('VA11: reports in the last line why a read ended early, as any other answer does', async () => {
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

    it('VA16: describes the columns of an empty answer, in a header and on request in a first line', async () => {
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

    it('VA13: escapes formulas only if the media type asks for it', async () => {
      const query = `SELECT '+49 30 123' AS phone, '@ann' AS name`;
      const kept = await read({ query }, 'text/csv');
      expect((await bytesOf(kept.message)).toString()).toBe('phone,name\r\n+49 30 123,@ann\r\n');
      const escaped = await read({ query }, 'text/csv; formulas=escape');
      expect(escaped.message.headers['content-type']).toContain('formulas=escape');
      expect((await bytesOf(escaped.message)).toString()).toBe("phone,name\r\n'+49 30 123,'@ann\r\n");
    });

    it('D25: stops the source within two seconds when the client disconnects', async () => {
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
