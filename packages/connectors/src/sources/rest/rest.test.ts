import { startRestApi } from '@mooring/lab/rest-api';
import { sampleItems } from '@mooring/lab/rest-resources';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../interface/secret.js';
import { failureOf } from '../../suite/bench.js';
import { describeSource } from '../../suite/describe-source.js';
import { harness } from './harness.js';
import { source } from './source.js';

import { inputOf, open, read } from './test-stand.js';

describeSource(source, harness);

describe('rest on the lab', () => {
  async function startLab() {
    const lab = await startRestApi({ verifyAccessToken: async (token) => ({ active: token === 'granted' }) });
    onTestFinished(lab.close);
    return lab;
  }

  it('signs in each way, and is refused each way without the secret', async () => {
    const lab = await startLab();
    const ways: [string, Record<string, unknown>, Record<string, unknown>][] = [
      ['basic', { authSchema: 'basic', ...lab.basic }, { password: 'x' }],
      ['bearer', { authSchema: 'bearer', bearerToken: lab.bearer }, { bearerToken: 'x' }],
      [
        'key',
        { authSchema: 'apiKey', apiKeyHeader: lab.apiKey.header, apiKey: lab.apiKey.value },
        { apiKey: 'x' },
      ],
    ];
    for (const [segment, right, wrong] of ways) {
      const url = `${lab.url}/${segment}/wrapped`;
      expect((await read({ url, ...right })).rows).toHaveLength(sampleItems.length);
      expect((await failureOf(read({ url, ...right, ...wrong }))).kind).toBe('auth_failed');
    }
    const oauth = {
      authSchema: 'oauth2ClientCredentials',
      tokenUrl: lab.url,
      clientId: 'c',
      clientSecret: 's',
    };
    const input = inputOf(
      { url: `${lab.url}/oauth/items`, ...oauth },
      { accessToken: async () => new Secret('granted') },
    );
    await (await open(input)).session.ping();
  });

  it.each([
    ['offset', { PaginationType: 'Offset', OffsetTotalPath: 'paging.total' }],
    ['page', { PaginationType: 'NextPage', NextPageCountParamName: 'size', NextPageSize: 7 }],
    ['page', { PaginationType: 'NextPage', NextPageFieldPath: 'next' }],
    [
      'page',
      { PaginationType: 'NextPage', NextPageFieldPath: 'X-Next-Page', IsNextPageFieldPathHeader: 'true' },
    ],
    ['token', { PaginationType: 'NextToken', NextTokenFieldPath: '/paging/nextToken' }],
    [
      'token',
      { PaginationType: 'NextToken', NextTokenFieldPath: 'x-next-token', IsNextTokenFieldPathHeader: 'true' },
    ],
    ['next-url', { PaginationType: 'NextUrl' }],
    ['next-url', { PaginationType: 'NextUrl', NextUrlFieldPath: 'link', IsNextUrlFieldPathHeader: 'true' }],
  ])('reads all pages of /%s by %j', async (resource, paging) => {
    const lab = await startLab();
    const { rows } = await read({ url: `${lab.url}/anonymous/${resource}`, ...paging }, { columns: ['id'] });
    expect(rows.flat()).toEqual(sampleItems.map(({ id }) => id));
  });

  it.each([
    ['401', 'auth_failed'],
    ['403', 'permission_denied'],
    ['429', 'rate_limited'],
    ['500', 'protocol_error'],
    ['drop', 'unreachable'],
    ['cut', 'protocol_error'],
    ['html', 'protocol_error'],
    ['broken', 'protocol_error'],
    ['deep', 'too_large'],
    ['huge', 'too_large'],
    ['hang', 'timeout'],
    ['stall', 'timeout'],
    ['next-loop', 'protocol_error'],
  ])('names the fault %s as %s', async (fault, kind) => {
    const lab = await startLab();
    const url = `${lab.url}/anonymous/faults/${fault}`;
    // What never comes is waited for; a huge answer takes its time where others want the processor too.
    const timeout = kind === 'timeout' ? 2 : 20;
    expect((await failureOf(read({ url, timeout, PaginationType: 'NextUrl' }))).kind).toBe(kind);
  });
});
