import { randomUUID } from 'node:crypto';
import type { ErrorCode } from '@mooring/contract/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertErrorShape } from './error-shape.js';
import { inventory, type PopulatedMooring, startPopulatedMooring } from './populated-mooring.js';

// Bad input that only the meaning of a field shows: unknown property or source, name taken, foreign id, values that
// contradict each other. Each is a 4xx that names the field, and stores nothing.

let populated: PopulatedMooring;
let before: unknown;

beforeAll(async () => {
  populated = await startPopulatedMooring();
  before = await inventory(populated.admin);
});
afterAll(async () => {
  expect(await inventory(populated.admin)).toEqual(before);
  expect(populated.source.connections()).toBe(0);
  expect(populated.mooring.logText()).not.toMatch(/"level":(50|60)/);
  await populated.close();
});

const login = { username: 'someone', password: 'canary-password-of-a-test' };
const s3Keys = { accessKey: 'AKIACANARY', secretKey: 'canary-secret-key' };

/** A right body with changes; `undefined` takes a member away. */
const connection = (changes: object = {}, properties: object = {}, source = 'postgres') => ({
  datasourceID: source,
  qName: `never stored ${randomUUID()}`,
  connectionProperties: {
    ...(source === 'postgres' ? { ...populated.admin.has.sourceProperties, ...login } : {}),
    ...properties,
  },
  ...changes,
});

type Case = [
  what: string,
  body: () => Record<string, unknown>,
  status: number,
  field: RegExp,
  code?: ErrorCode | undefined,
];

async function expectRefusals(method: 'post' | 'put', path: () => string, cases: readonly Case[]) {
  for (const [what, body, status, field, code] of cases) {
    const answer = await populated.admin.api[method](path(), body());
    assertErrorShape(answer);
    const [error] = answer.body.errors;
    const wanted = code ?? 'DCERROR-0010';
    expect({ what, status: answer.status, code: error.code }).toEqual({ what, status, code: wanted });
    expect(error.detail, what).toMatch(field);
    expect(answer.text, what).not.toContain('canary');
  }
}

const connectionCases: readonly Case[] = [
  ['unknown property', () => connection({}, { hosts: 'x' }), 400, /^connectionProperties\.hosts: /],
  ['prototype as a property', () => connection({}, { constructor: 'x' }), 400, /\.constructor: /],
  ['number for a text', () => connection({}, { host: 5 }), 400, /^connectionProperties\.host: /],
  ['list for a text', () => connection({}, { password: ['x'] }), 400, /\.password: /],
  ['text for a number', () => connection({}, { port: 'many' }), 400, /\.port: /],
  ['number out of range', () => connection({}, { port: '70000' }), 400, /\.port: /],
  ['fraction for a whole number', () => connection({}, { port: 1.5 }), 400, /\.port: /],
  [
    'word for a boolean',
    () => connection({}, { separateCredentials: 'yes' }),
    400,
    /\.separateCredentials: /,
  ],
  ['number for a boolean', () => connection({}, { separateCredentials: 2 }), 400, /\.separateCredentials: /],
  ['outside the list', () => connection({}, { sslmode: 'maybe' }), 400, /\.sslmode: /],
  ['missing property', () => connection({}, { db: undefined }), 400, /\.db: is required/],
  ['null for a required property', () => connection({}, { host: null }), 400, /\.host: is required/],
  ['missing secret', () => connection({}, { password: undefined }), 400, /\.password: is required/],
  ['empty secret', () => connection({}, { password: '' }), 400, /\.password: /],
  ['too long a property', () => connection({}, { password: 'x'.repeat(5000) }), 400, /\.password: /],
  ['line break in a property', () => connection({}, { host: 'a\r\nb' }), 400, /\.host: /],
  ['URL for a host', () => connection({}, { host: 'http://db/x' }), 400, /\.host: /],
  ['property given twice', () => connection({}, { HOST: 'other' }), 400, /\.HOST: is given twice/],
  ['unknown source', () => connection({ datasourceID: 'oracle9' }), 404, /"oracle9"/, 'DCAAS-2001'],
  ['path as a source', () => connection({ datasourceID: '../postgres' }), 404, /data source/, 'DCAAS-2001'],
  ['prototype as a source', () => connection({ datasourceID: '__proto__' }), 404, /source/, 'DCAAS-2001'],
  ['empty name', () => connection({ qName: ' ' }), 400, /^qName: /],
  ['name with a line break', () => connection({ qName: 'a\nb' }), 400, /^qName: /],
  ['name with an invisible character', () => connection({ qName: 'a\u202eb' }), 400, /^qName: /],
  ['name too long', () => connection({ qName: 'x'.repeat(257) }), 400, /^qName: /],
  ['id that is not a UUID', () => connection({ qID: 'x' }), 400, /^qID: /],
  ['two ids', () => connection({ qID: randomUUID(), qEngineObjectID: randomUUID() }), 400, /^qEngine/],
  ['33 tags', () => connection({ tags: Array.from({ length: 33 }, String) }), 400, /^tags: /],
  ['tag of 257 bytes', () => connection({ tags: [`${'ø'.repeat(128)}x`] }), 400, /^tags\.0: /],
  ['properties as a list', () => connection({ connectionProperties: [] }), 400, /^connectionProperties: /],
  ['unknown space', () => connection({ space: 'f'.repeat(24) }), 404, /^space: /, 'NOT-FOUND'],
  ['code without a sign-in', () => connection({}, { authCode: 'x' }), 400, /\.authCode: /],
  [
    'unknown credential',
    () => connection({}, { ...{ username: undefined, password: undefined }, ...selected(randomUUID()) }),
    404,
    /credential/,
    'NOT-FOUND',
  ],
  ['chosen and new credential', () => connection({}, selected(randomUUID())), 400, /\.selectedCredentials: /],
  [
    'chosen credential without separation',
    () => connection({}, { ...selected(randomUUID()), separateCredentials: false }),
    400,
    /\.selectedCredentials: /,
  ],
  ['sign-in without a code', () => signInConnection({}), 400, /\.authCode: is required/],
  [
    'invented code',
    () => signInConnection({ authCode: `mst_${'A'.repeat(32)}` }),
    400,
    /./,
    'SIGN-IN-INVALID',
  ],
  [
    'endpoint with a path',
    () => connection({}, { ...s3Keys, endpoint: 'http://127.0.0.1/x' }, 'File_AmazonS3Connector'),
    400,
    /\.endpoint: /,
  ],
];

const selected = (id: string) => ({ separateCredentials: true, selectedCredentials: id });
const signInConnection = (properties: object) =>
  connection(
    {},
    {
      url: `${populated.source.url}/`,
      authSchema: 'oauth2',
      authorizationUrl: `${populated.source.url}/auth`,
      tokenUrl: `${populated.source.url}/token`,
      clientId: 'client',
      ...properties,
    },
    'rest',
  );

describe('values that cannot be', () => {
  it('POST data-connections names the field and stores nothing', async () => {
    await expectRefusals('post', () => '/api/v1/data-connections', connectionCases);
  });

  it('QL11: POST dcaas/actions/data-connections names the field by its name in that API, and stores nothing', async () => {
    const cases = connectionCases.map(([what, body, status, field, code]): Case => {
      const { datasourceID: dataSourceId, qName: connectionName, space: spaceId, ...others } = body();
      const named = field.source.replace('^qName', '^connectionName').replace('^space', '^spaceId');
      return [
        what,
        () => ({ ...others, dataSourceId, connectionName, spaceId }),
        status,
        new RegExp(named),
        code,
      ];
    });
    await expectRefusals('post', () => '/api/v1/dcaas/actions/data-connections', cases);
  });

  it('POST data-connections refuses a name, an id and a credential name that are taken', async () => {
    const { has } = populated.admin;
    const own = { space: has.spaceId, qName: has.connectionName };
    const named = { separateCredentials: true, credentialsName: has.credentialsName };
    await expectRefusals('post', () => '/api/v1/data-connections', [
      ['name taken', () => connection(own), 409, /^qName: /, 'CONFLICT'],
      ['id taken', () => connection({ qID: has.connectionId }), 409, /^qID: /, 'CONFLICT'],
      ['credential name taken', () => connection({}, named), 409, /^credentialsName: /, 'CONFLICT'],
    ]);
  });

  it('POST data-credentials', async () => {
    const { has } = populated.admin;
    await expectRefusals('post', () => '/api/v1/data-credentials', [
      ['unknown property', () => connection({}, { x: 1 }), 400, /^connectionProperties\.x: /],
      ['no name', () => connection({ qName: undefined }), 400, /^qName: is required/],
      ['name taken', () => connection({ qName: has.credentialsName }), 409, /./, 'CONFLICT'],
      ['unknown source', () => connection({ datasourceID: 'x' }), 404, /"x"/, 'DCAAS-2001'],
      ['missing secret', () => connection({}, { password: undefined }), 400, /\.password: is required/],
    ]);
  });

  it('PUT credential of a connection, and its confirmation', async () => {
    const { has } = populated.admin;
    const path = `/api/v1/data-connections/${has.connectionId}/credential`;
    const properties = (more: object) => ({ connectionProperties: { ...login, ...more } });
    await expectRefusals('put', () => path, [
      ['nothing', () => ({}), 400, /^body: needs one of/],
      ['both', () => ({ credentialId: randomUUID(), ...properties({}) }), 400, /^credentialId: /],
      ['unknown id', () => ({ credentialId: randomUUID() }), 404, /credential/, 'NOT-FOUND'],
      ['another host', () => properties({ host: '127.0.0.2' }), 400, /^connectionProperties: /],
      ['unknown property', () => properties({ pass: 'x' }), 400, /^connectionProperties\.pass: /],
      ['missing secret', () => ({ connectionProperties: { username: 'x' } }), 400, /\.password: /],
    ]);
    await expectRefusals('post', () => `${path}/actions/confirm`, [
      [
        'another destination',
        () => ({ destination: 'postgres; host=evil' }),
        409,
        /^destination: /,
        'CONFLICT',
      ],
    ]);
  });

  it('users, keys, spaces and members', async () => {
    const { has } = populated.admin;
    const taken = { type: 'shared', name: has.spaceName.toUpperCase() };
    await expectRefusals('post', () => '/api/v1/spaces', [
      ['name taken in other letters', () => taken, 409, /^name: /, 'CONFLICT'],
      ['type unknown', () => ({ name: 'x', type: 'personal' }), 400, /^type: /],
      ['forbidden character', () => ({ name: 'a/b', type: 'data' }), 400, /^name: /],
    ]);
    await expectRefusals('post', () => '/api/v1/users', [
      ['subject taken', () => ({ subject: 'alice' }), 409, /^subject: /, 'CONFLICT'],
      ['no e-mail address', () => ({ subject: 'never', email: 'x' }), 400, /^email: /],
      ['unknown role', () => ({ subject: 'never', roles: ['God'] }), 400, /^roles\.0: /],
      ['control character', () => ({ subject: 'a\u0007b' }), 400, /^subject: /],
    ]);
    await expectRefusals('post', () => '/api/v1/api-keys', [
      ['no duration', () => ({ expiry: 'forever' }), 400, /^expiry: /],
      ['too long a life', () => ({ expiry: 'P11Y' }), 400, /^expiry: /],
      ['no life', () => ({ expiry: 'PT0S' }), 400, /^expiry: /],
      ['another user', () => ({ sub: 'f'.repeat(24) }), 403, /^sub: .*invitations/, 'ACCESS-DENIED'],
    ]);
    await expectRefusals('post', () => '/api/v1/invitations', [
      ['no user', () => ({}), 400, /^name: /],
      ['too long a life', () => ({ name: 'x', expiresIn: 'P8D' }), 400, /^expiresIn: /],
      ['an unknown user', () => ({ userId: 'f'.repeat(24) }), 404, /^userId: /, 'NOT-FOUND'],
    ]);
    const member = (assigneeId: string, role: string) => ({ type: 'user', assigneeId, roles: [role] });
    await expectRefusals('post', () => `/api/v1/spaces/${has.spaceId}/assignments`, [
      ['role of another type', () => member(has.userId, 'publisher'), 400, /^roles: publisher/],
      ['unknown role', () => member(has.userId, 'boss'), 400, /^roles\.0: /],
      ['unknown user', () => member('f'.repeat(24), 'producer'), 404, /^assigneeId: /, 'NOT-FOUND'],
      ['member already', () => member(has.memberId, 'producer'), 409, /^assigneeId: /, 'CONFLICT'],
    ]);
  });

  it('reads need exactly one of path and query', async () => {
    for (const action of ['preview', 'read']) {
      await expectRefusals(
        'post',
        () => `/api/v1/data-connections/${populated.admin.has.connectionId}/actions/${action}`,
        [
          ['neither', () => ({}), 400, /^path: or query/],
          ['both', () => ({ path: ['a'], query: 'select 1' }), 400, /^path: or query/],
          ['no rows', () => ({ path: ['a'], limit: 0 }), 400, /^limit: /],
        ],
      );
    }
  });
});
