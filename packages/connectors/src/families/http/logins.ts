import type { LoginMethod, Values } from '../../interface/login.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import { placeProblem } from '../../interface/provider.js';
import { revealed } from '../../interface/secret.js';
import { certificateConflicts, clientCertificateFields } from '../../kit/client-certificate.js';
import { findProvider } from '../../providers/registry.js';
import { assertionClaims, oauth, presetOf, textOf } from './oauth-properties.js';
import { encryptedHeaderNames, type SealedHeaders } from './request-headers.js';
import { signInFields } from './sign-in-properties.js';

const ownEndpoints = [
  'authorizationUrl',
  'tokenUrl',
  'revocationUrl',
  'issuer',
  'deviceAuthorizationUrl',
  'pushedAuthorizationUrl',
];

/** Contradicting properties are refused, because users cannot guess which one wins. */
export function signInConflicts(definition: Values): PropertyProblem[] {
  if (definition['authSchema'] !== 'anonymous' && encryptedHeaderNames(definition).includes('authorization'))
    return [
      { property: 'queryHeaders', message: 'cannot contain Authorization together with this authSchema' },
    ];
  if (textOf(definition, 'apiKeyParameter') && textOf(definition, 'apiKeyHeader'))
    return [{ property: 'apiKeyParameter', message: 'cannot be given together with apiKeyHeader' }];
  const provider = findProvider(definition['oauthProvider']);
  const place = textOf(definition, 'oauthProviderPlace');
  if (!provider) {
    return place === undefined
      ? []
      : [{ property: 'oauthProviderPlace', message: 'is used only with oauthProvider' }];
  }
  const wrong = placeProblem(provider, place);
  return [
    ...ownEndpoints
      .filter((name) => definition[name] !== undefined)
      .map((property) => ({
        property,
        message: `cannot be given together with oauthProvider, which has its own: leave out one of the two`,
      })),
    ...(wrong === undefined ? [] : [{ property: 'oauthProviderPlace', message: wrong }]),
  ];
}

/** A secret that no request would carry is not stored. */
function strayHeaders(credential: Values, definition: Values): PropertyProblem[] {
  const named = new Set(encryptedHeaderNames(definition));
  const sealed = (credential['encryptedHeaders'] ?? []) as SealedHeaders;
  const message = 'is not a request header of the connection with encrypt: true';
  return sealed.flatMap(({ name }, index) =>
    named.has(name.toLowerCase()) ? [] : [{ property: `encryptedHeaders.${index}.name`, message }],
  );
}

const credentialConflicts = (credential: Values, definition: Values): PropertyProblem[] => [
  ...strayHeaders(credential, definition),
  ...certificateConflicts(credential),
];

/** What a definition needs besides the sign-in: a value for each encrypted header, and a client certificate. */
function lackingBeside(definition: Values, login: Values): PropertyProblem[] {
  const sealed = (revealed(login['encryptedHeaders']) ?? []) as SealedHeaders;
  const held = new Set(sealed.filter(({ value }) => value !== '').map(({ name }) => name.toLowerCase()));
  const problems = encryptedHeaderNames(definition)
    .filter((name) => !held.has(name))
    .map((name) => ({ property: 'queryHeaders', message: `needs a value for the encrypted header ${name}` }));
  const needsCertificate =
    definition['enableMutualSSL'] === true && login['mutualPfxCertificateFiles'] === undefined;
  const message = 'is required with enableMutualSSL';
  return needsCertificate ? [...problems, { property: 'mutualPfxCertificateFiles', message }] : problems;
}

const { encryptedHeaders, username, password, bearerToken, apiKey, refreshToken } = signInFields;
const { assertionIssuer, assertionSubject, assertionPrivateKey, assertionKeyId } = signInFields;

/** Optional with every sign-in. */
const beside = { encryptedHeaders, ...clientCertificateFields };

const shared = { lacking: lackingBeside, conflicts: credentialConflicts };

const ofClient = [
  ['oauthProvider', 'clientSecret'],
  ['oauthProvider', 'clientPrivateKey'],
  ['issuer', 'clientSecret'],
  ['tokenUrl', 'clientSecret'],
  ['issuer', 'clientPrivateKey'],
  ['tokenUrl', 'clientPrivateKey'],
] as const;

/** Every way of signing in that `signInProperties` can describe. */
export const httpLogins = {
  header: {
    ...shared,
    label: 'Encrypted header',
    when: { authSchema: 'anonymous' },
    applies: (definition: Values) => encryptedHeaderNames(definition).length > 0,
    fields: beside,
    required: [],
  },
  basic: {
    ...shared,
    label: 'User name and password',
    when: { authSchema: 'basic' },
    fields: { username, password, ...beside },
    required: ['username', 'password'],
  },
  bearer: {
    ...shared,
    label: 'Bearer token',
    when: { authSchema: 'bearer' },
    fields: { bearerToken, ...beside },
    required: ['bearerToken'],
  },
  'api-key': {
    ...shared,
    label: 'API key',
    when: { authSchema: 'apiKey' },
    fields: { apiKey, ...beside },
    required: ['apiKey'],
    needs: [['apiKeyParameter'], ['apiKeyHeader']],
  },
  oauth2: {
    ...shared,
    label: 'OAuth sign-in',
    when: { authSchema: 'oauth2' },
    fields: { ...beside, refreshToken },
    required: [],
    needs: [['oauthProvider'], ['clientId', 'issuer'], ['clientId', 'authorizationUrl', 'tokenUrl']],
    oauth: { ...oauth('authorization_code'), refreshTokenField: 'refreshToken' },
  },
  'oauth2-device': {
    ...shared,
    label: 'OAuth sign-in on another device',
    when: { authSchema: 'oauth2Device' },
    fields: beside,
    required: [],
    needs: [['oauthProvider'], ['clientId', 'issuer'], ['clientId', 'deviceAuthorizationUrl', 'tokenUrl']],
    oauth: oauth('device_code'),
  },
  'oauth2-client-credentials': {
    ...shared,
    label: 'OAuth client credentials',
    when: { authSchema: 'oauth2ClientCredentials' },
    fields: beside,
    required: [],
    needs: ofClient.map((set) => ['clientId', ...set]),
    oauth: oauth('client_credentials'),
  },
  'oauth2-service-account': {
    ...shared,
    label: 'OAuth service account key',
    when: { authSchema: 'oauth2JwtBearer' },
    fields: { ...beside, assertionIssuer, assertionSubject, assertionPrivateKey, assertionKeyId },
    required: ['assertionIssuer', 'assertionPrivateKey'],
    needs: [['oauthProvider'], ['issuer'], ['tokenUrl']],
    oauth: {
      grant: 'jwt_bearer',
      preset: (properties: Values) => presetOf('jwt_bearer', properties),
      assertion: {
        claims: assertionClaims,
        privateKey: 'assertionPrivateKey',
        keyId: 'assertionKeyId',
      },
    },
  },
  certificate: {
    ...shared,
    label: 'Client certificate',
    when: { authSchema: 'anonymous', enableMutualSSL: 'true' },
    fields: beside,
    required: ['mutualPfxCertificateFiles'],
  },
  anonymous: { ...shared, label: 'Anonymous', fields: {}, required: [] },
} as const satisfies Record<string, LoginMethod>;
