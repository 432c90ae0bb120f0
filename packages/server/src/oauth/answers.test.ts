import { describe, expect, it } from 'vitest';
import { type Answer, type GrantStep, judgeAnswer, readRetryAfter } from './answers.js';
import type { OAuthErrorKind } from './oauth-error.js';

const now = Date.parse('2026-01-02T03:04:05Z');

interface DocumentedAnswer {
  source: string;
  step: GrantStep;
  status: number;
  body?: Record<string, unknown>;
  retryAfter?: string;
  kind: OAuthErrorKind;
}

const google = 'https://developers.google.com/identity/protocols/oauth2/web-server';
const microsoft = 'https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow';
const microsoftCodes = 'https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes';
const salesforce = 'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm';
const salesforceRefresh =
  'https://help.salesforce.com/s/articleView?id=release-notes.rn_security_refresh_token_error.htm&release=252';
const github =
  'https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors';
const slack = 'https://docs.slack.dev/reference/methods/oauth.v2.access';
const netsuite = 'https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/subsect_161252460252.html';
const flinks = 'https://docs.flinks.com/reference/list-of-authorization-errors';

/** Answers as providers document them, or as their users have reported them in public. */
const documented: DocumentedAnswer[] = [
  { source: google, step: 'refresh', status: 400, body: { error: 'invalid_grant' }, kind: 'grant_dead' },
  { source: google, step: 'code', status: 400, body: { error: 'invalid_grant' }, kind: 'code_refused' },
  { source: google, step: 'refresh', status: 401, body: { error: 'invalid_client' }, kind: 'client_refused' },
  { source: google, step: 'refresh', status: 401, body: { error: 'deleted_client' }, kind: 'client_refused' },
  {
    source: google,
    step: 'code',
    status: 400,
    body: { error: 'redirect_uri_mismatch' },
    kind: 'client_refused',
  },
  {
    source: google,
    step: 'code',
    status: 400,
    body: { error: 'admin_policy_enforced' },
    kind: 'consent_required',
  },
  {
    source: 'https://support.google.com/a/answer/9368756',
    step: 'refresh',
    status: 400,
    body: { error: 'invalid_grant', error_subtype: 'invalid_rapt' },
    kind: 'grant_dead',
  },
  {
    source: microsoft,
    step: 'refresh',
    status: 400,
    body: { error: 'interaction_required', error_codes: [50079], suberror: 'basic_action' },
    kind: 'consent_required',
  },
  {
    source: microsoft,
    step: 'code',
    status: 400,
    body: { error: 'consent_required' },
    kind: 'consent_required',
  },
  {
    source: microsoft,
    step: 'code',
    status: 400,
    body: { error: 'invalid_resource' },
    kind: 'client_refused',
  },
  {
    source: microsoft,
    step: 'refresh',
    status: 400,
    body: { error: 'temporarily_unavailable', error_codes: [90033] },
    kind: 'unavailable',
  },
  {
    source: microsoftCodes,
    step: 'refresh',
    status: 400,
    body: { error: 'invalid_grant', error_codes: [700082] },
    kind: 'grant_dead',
  },
  {
    source: microsoftCodes,
    step: 'refresh',
    status: 401,
    body: { error: 'invalid_client', error_codes: [7000222] },
    kind: 'client_refused',
  },
  {
    source: salesforce,
    step: 'refresh',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'expired access/refresh token' },
    kind: 'grant_dead',
  },
  {
    source: salesforceRefresh,
    step: 'refresh',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'token request is already being processed' },
    kind: 'unavailable',
  },
  {
    source: salesforce,
    step: 'refresh',
    status: 400,
    body: { error: 'invalid_client_id' },
    kind: 'client_refused',
  },
  {
    source: github,
    step: 'code',
    status: 200,
    body: { error: 'bad_verification_code' },
    kind: 'code_refused',
  },
  {
    source: github,
    step: 'refresh',
    status: 200,
    body: { error: 'incorrect_client_credentials' },
    kind: 'client_refused',
  },
  {
    source: github,
    step: 'code',
    status: 200,
    body: { error: 'redirect_uri_mismatch' },
    kind: 'client_refused',
  },
  {
    source: 'https://github.com/orgs/community/discussions/24745',
    step: 'refresh',
    status: 200,
    body: { error: 'bad_refresh_token' },
    kind: 'grant_dead',
  },
  {
    source: 'https://www.volcengine.com/article/1160071',
    step: 'client',
    status: 400,
    body: { data: null, error: 'invalid_grant', code: null, message: '', success: false, headers: null },
    kind: 'client_refused',
  },
  {
    source: 'https://github.com/dropbox/dropbox-sdk-dotnet/issues/232',
    step: 'refresh',
    status: 400,
    body: { error_description: 'refresh token is invalid or revoked', error: 'invalid_grant' },
    kind: 'grant_dead',
  },
  {
    source: slack,
    step: 'code',
    status: 200,
    body: { ok: false, error: 'invalid_code' },
    kind: 'code_refused',
  },
  {
    source: slack,
    step: 'refresh',
    status: 200,
    body: { ok: false, error: 'invalid_refresh_token' },
    kind: 'grant_dead',
  },
  {
    source: slack,
    step: 'refresh',
    status: 200,
    body: { ok: false, error: 'bad_client_secret' },
    kind: 'client_refused',
  },
  {
    source: slack,
    step: 'refresh',
    status: 429,
    body: { ok: false, error: 'ratelimited' },
    retryAfter: '30',
    kind: 'rate_limited',
  },
  {
    source: slack,
    step: 'refresh',
    status: 200,
    body: { ok: false, error: 'internal_error' },
    kind: 'unavailable',
  },
  {
    source: 'https://nango.dev/blog/hubspot-oauth-bad-refresh-token',
    step: 'refresh',
    status: 400,
    body: { status: 'BAD_REFRESH_TOKEN', message: 'missing or invalid refresh token' },
    kind: 'grant_dead',
  },
  { source: netsuite, step: 'refresh', status: 400, body: { error: 'invalid_grant' }, kind: 'grant_dead' },
  { source: netsuite, step: 'code', status: 400, body: { error: 'invalid_request' }, kind: 'client_refused' },
  {
    source: 'https://developer.okta.com/docs/reference/error-codes/',
    step: 'refresh',
    status: 429,
    body: { errorCode: 'E0000047', errorCauses: [] },
    kind: 'rate_limited',
  },
  {
    source: 'https://docs.followupboss.com/docs/oauth-error-codes',
    step: 'refresh',
    status: 404,
    body: { error: 'invalid_grant' },
    kind: 'grant_dead',
  },
  {
    source: flinks,
    step: 'refresh',
    status: 503,
    body: { error: 'temporarily_unavailable' },
    kind: 'unavailable',
  },
  { source: flinks, step: 'refresh', status: 500, body: { error: 'server_error' }, kind: 'unavailable' },
  {
    source: flinks,
    step: 'client',
    status: 400,
    body: { error: 'unauthorized_client' },
    kind: 'client_refused',
  },
  {
    source:
      'https://docs.aws.amazon.com/sdk-for-python/v4/reference/clients/signin/errors/TooManyRequestsError/',
    step: 'code',
    status: 429,
    body: { error: 'INVALID_REQUEST' },
    kind: 'rate_limited',
  },
  {
    source: 'https://github.com/soundcloud/api/releases/tag/2021-09-07',
    step: 'client',
    status: 429,
    kind: 'rate_limited',
  },
  {
    source: 'https://github.com/lepture/authlib/issues/112',
    step: 'refresh',
    status: 400,
    body: { error: 'invalid_request' },
    kind: 'client_refused',
  },
  {
    source: 'https://github.com/micronaut-projects/micronaut-security/issues/235',
    step: 'refresh',
    status: 500,
    kind: 'unavailable',
  },
  {
    source: 'https://github.com/teekeks/pytwitchapi/issues/37',
    step: 'refresh',
    status: 400,
    body: { message: 'Invalid refresh token', status: 400 },
    kind: 'nonsense',
  },
];

describe('the answer of a token endpoint', () => {
  it.each(documented)('O24: $status $body.error at $step is $kind ($source)', ({ step, kind, ...answer }) => {
    expect(judgeAnswer(answer, step, now)?.kind).toBe(kind);
  });

  it('O25: costs nobody a grant unless it is proof', () => {
    const proofs = ['invalid_grant', 'bad_refresh_token', 'invalid_refresh_token'];
    const others = documented
      .map(({ body }) => body?.['error'])
      .filter((code) => !proofs.includes(String(code)));
    const unknown = [
      undefined,
      null,
      400,
      true,
      [],
      {},
      '',
      'grant',
      'invalid grant',
      'INVALID',
      'expired_token',
    ];
    const statuses = [
      100, 200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 409, 418, 422, 451, 429, 500, 503, 599,
    ];
    for (const status of statuses) {
      for (const error of [...others, ...unknown]) {
        expect(judgeAnswer({ status, body: { error } }, 'refresh', now)?.kind).not.toBe('grant_dead');
      }
      expect(judgeAnswer({ status, body: undefined }, 'refresh', now)?.kind).not.toBe('grant_dead');
    }
    for (const status of [301, 302, 307, 308, 429, 500, 502, 503, 504]) {
      expect(judgeAnswer({ status, body: { error: 'invalid_grant' } }, 'refresh', now)?.kind).not.toBe(
        'grant_dead',
      );
    }
    for (const code of ['bad_verification_code', 'invalid_code', 'code_already_used']) {
      expect(judgeAnswer({ status: 400, body: { error: code } }, 'refresh', now)?.kind).toBe('nonsense');
    }
  });

  it('is a success only as a 2xx with a JSON object and no error code', () => {
    expect(judgeAnswer({ status: 200, body: {} }, 'code', now)).toBeUndefined();
    expect(
      judgeAnswer({ status: 201, body: { ok: true, error: '', status: 'active' } }, 'code', now),
    ).toBeUndefined();
    expect(judgeAnswer({ status: 200, body: undefined }, 'code', now)?.kind).toBe('nonsense');
    expect(judgeAnswer({ status: 204 }, 'code', now)?.kind).toBe('nonsense');
    expect(judgeAnswer({ status: 200, body: { error: 'whatever' } }, 'code', now)?.kind).toBe('nonsense');
  });

  it.each([['<script>alert(1)</script>'], ['two words'], ['line\r\nbreak'], ['x'.repeat(65)], ['ünïcode']])(
    'shows no error code that is not a plain name: %j',
    (error) => {
      expect(judgeAnswer({ status: 400, body: { error } }, 'code', now)).toEqual({ kind: 'nonsense' });
    },
  );

  it.each<[string, number | undefined]>([
    ['0', 0],
    [' 120 ', 120],
    ['9999999999', 86_400],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60],
    ['Friday, 02-Jan-26 03:05:05 GMT', 60],
    ['Fri Jan  2 03:05:05 2026', 60],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
    ['Fri, 02 Jan 2099 03:00:00 GMT', 86_400],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['2026', 2026],
    ['2026-01-02T03:05:05Z', undefined],
    ['Fri, 99 Foo 2026 03:05:05 GMT', undefined],
  ])('O25: reads Retry-After %j as %j seconds', (header, seconds) => {
    expect(readRetryAfter(header, now)).toBe(seconds);
    const answer: Answer = { status: 503, retryAfter: header };
    expect(judgeAnswer(answer, 'refresh', now)).toEqual(
      seconds === undefined ? { kind: 'unavailable' } : { kind: 'unavailable', retryAfterSeconds: seconds },
    );
  });
});
