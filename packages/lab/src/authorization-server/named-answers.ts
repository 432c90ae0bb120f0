import type { CannedAnswer } from '../loopback-http.js';

const error = (status: number, code: string, description?: string): CannedAnswer => ({
  status,
  body: JSON.stringify({
    error: code,
    ...(description === undefined ? {} : { error_description: description }),
  }),
});

/** Answers of a token endpoint by name, so that a switch can be set without writing a body. */
export const namedAnswers = {
  // RFC 6749 section 5.2, RFC 8628 section 3.5, RFC 8707 section 2, OpenID Connect Core section 3.1.2.6.
  invalid_request: error(400, 'invalid_request'),
  invalid_client: error(401, 'invalid_client'),
  invalid_grant: error(400, 'invalid_grant', 'The grant was revoked.'),
  unauthorized_client: error(400, 'unauthorized_client'),
  unsupported_grant_type: error(400, 'unsupported_grant_type'),
  invalid_scope: error(400, 'invalid_scope'),
  invalid_target: error(400, 'invalid_target'),
  slow_down: error(400, 'slow_down'),
  access_denied: error(400, 'access_denied'),
  interaction_required: error(400, 'interaction_required'),
  consent_required: error(400, 'consent_required'),
  login_required: error(400, 'login_required'),
  server_error: error(500, 'server_error'),
  temporarily_unavailable: error(503, 'temporarily_unavailable'),
  // Provider behaviour outside the standards.
  rate_limited: { ...error(429, 'rate_limit_exceeded'), headers: { 'retry-after': '5' } },
  grant_in_use: error(400, 'invalid_grant', 'The token is already being processed. Try again later.'),
  error_with_200: error(200, 'bad_refresh_token'),
  ok_false: { status: 200, body: '{"ok":false,"error":"invalid_refresh_token"}' },
  nested_error: { status: 400, body: '{"error":{"code":400,"status":"INVALID_ARGUMENT"}}' },
  unknown_error: error(400, 'no_such_code_anywhere'),
  no_access_token: { status: 200, body: '{"token_type":"Bearer","expires_in":300}' },
  // Intermediaries: gateways, captive portals, crashes.
  html_200: { status: 200, contentType: 'text/html', body: '<h1>Sign in to the network</h1>' },
  html_502: { status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' },
  empty_200: { status: 200, body: '' },
  broken_json: { status: 200, body: '{"access_token":"' },
  redirect: { status: 307, body: '', headers: { location: '/elsewhere' } },
} satisfies Record<string, CannedAnswer>;
