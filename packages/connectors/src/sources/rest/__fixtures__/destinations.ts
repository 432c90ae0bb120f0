import type { Destinations, Edit, Places } from '../../../suite/harness.js';

const canary = 'canary-matrix';

/** Where OAuth requests and tokens go, and what for. */
const oauthEdits = ({ there }: Places): Edit[] => [
  { what: 'token URL', meaning: 'confirm', change: { tokenUrl: `${there.url}/token` } },
  {
    what: 'OAuth provider',
    meaning: 'confirm',
    change: { oauthProvider: 'okta', oauthProviderPlace: 'example.okta.com' },
  },
  {
    what: 'other OAuth endpoints',
    meaning: 'confirm',
    change: {
      ...{ authorizationUrl: there.url, revocationUrl: there.url, issuer: there.url },
      ...{ deviceAuthorizationUrl: there.url, pushedAuthorizationUrl: there.url },
    },
  },
  {
    what: 'what tokens are for',
    meaning: 'confirm',
    change: {
      ...{ scope: 'write', resource: there.url, audience: 'a', assertionAudience: 'b' },
      ...{ clientId: 'another', clientAuthentication: 'client_secret_post' },
    },
  },
];

/** All that changes rows at most. */
const harmless = {
  ...{ timeout: 5, dataPath: 'items', encoding: 'utf-8', clientKeyId: 'key', PaginationFirstPageOnly: true },
  ...{ OffsetStartParamName: 'from', OffsetStartInitialValue: 1, OffsetCountParamName: 'count' },
  ...{ OffsetPageSize: 50, OffsetTotalPath: 'total', OffsetStartFieldValue: 1, OffsetCountValue: 5 },
  ...{ OffsetDataPath: 'items', PaginationEndsAt404: true, NextPageParamName: 'p', NextPageInitialValue: 0 },
  ...{ NextPageCountParamName: 'n', NextPageSize: 5, NextPageFieldPath: 'next' },
  ...{ IsNextPageFieldPathHeader: true, NextTokenParamName: 't', NextTokenFieldPath: 'token' },
  IsNextTokenFieldPathHeader: true,
};

const pageEdits: Edit[] = [
  { what: 'next page where the answer says', meaning: 'confirm', change: { PaginationType: 'NextUrl' } },
  {
    what: 'field with the next page',
    meaning: 'confirm',
    change: { NextUrlFieldPath: 'items.0.homepage', IsNextUrlFieldPathHeader: true },
  },
  {
    what: 'page fields that may be headers',
    meaning: 'confirm',
    change: {
      ...{ OffsetStartField: 'x-start', IsOffsetStartFieldHeader: true },
      ...{ OffsetCountFieldName: 'x-count', IsOffsetCountFieldHeader: true },
    },
  },
  { what: 'paths, pages and timeout', meaning: 'keep', change: harmless },
];

export const destinations = (places: Places): Destinations => ({
  path: [],
  definition: { url: `${places.here.url}/items`, authSchema: 'basic' },
  credential: { username: 'somebody', password: canary },
  edits: [
    { what: 'host', meaning: 'confirm', change: { url: `http://localhost:${places.here.port}/items` } },
    { what: 'port', meaning: 'confirm', change: { url: `${places.there.url}/items` } },
    { what: 'path of the URL', meaning: 'confirm', change: { url: `${places.here.url}/other` } },
    { what: 'query of the URL', meaning: 'keep', change: { url: `${places.here.url}/items?page=2` } },
    {
      what: 'query parameter',
      meaning: 'keep',
      change: { queryParameters: [{ name: 'page', value: '2' }] },
    },
    {
      what: 'TLS lowered',
      meaning: 'confirm',
      change: { url: `${places.here.url.replace('http:', 'https:')}/items` },
    },
    { what: 'validation changed', meaning: 'confirm', change: { serverCertificateValidation: 'Custom' } },
    {
      what: 'CA replaced',
      meaning: 'confirm',
      change: { rootCertificates: [{ name: 'ca.pem', value: places.certificate }] },
    },
    {
      what: 'client certificate',
      meaning: 'confirm',
      change: { enableMutualSSL: true },
      again: 'made elsewhere',
    },
    {
      what: 'auth type',
      meaning: 'confirm',
      change: { authSchema: 'bearer' },
      again: { bearerToken: canary },
    },
    { what: 'API key header', meaning: 'confirm', change: { apiKeyHeader: 'x-key' } },
    { what: 'API key parameter', meaning: 'confirm', change: { apiKeyParameter: 'key' } },
    { what: 'method', meaning: 'confirm', change: { method: 'POST', body: '{"all":true}' } },
    { what: 'headers', meaning: 'confirm', change: { queryHeaders: [{ name: 'x-one', value: '1' }] } },
    ...oauthEdits(places),
    ...pageEdits,
  ],
  logins: {
    bearer: { authSchema: 'bearer', bearerToken: canary },
    'api-key': { authSchema: 'apiKey', apiKeyHeader: 'x-key', apiKey: canary },
    header: { encryptedHeaders: [{ name: 'x-secret', value: canary }] },
    oauth2: { authSchema: 'oauth2', clientId: 'c', refreshToken: canary },
    'oauth2-service-account': {
      ...{ authSchema: 'oauth2JwtBearer', assertionIssuer: 'robot', assertionSubject: 'user' },
      ...{ assertionPrivateKey: canary, assertionKeyId: 'key' },
    },
    certificate: {
      enableMutualSSL: true,
      mutualPfxCertificateFiles: [{ name: 'me.pfx', value: canary }],
      mutualPfxCertificateKey: canary,
    },
  },
});
