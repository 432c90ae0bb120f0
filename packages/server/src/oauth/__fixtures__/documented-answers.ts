import type { GrantStep } from '../answers.js';
import type { OAuthErrorKind } from '../oauth-error.js';

export interface DocumentedAnswer {
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
export const documentedAnswers: DocumentedAnswer[] = [
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
