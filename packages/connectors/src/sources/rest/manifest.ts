import { z } from 'zod';
import { headerNameSchema } from '../../families/http/headers.js';
import { assertionClaims, oauth, presetOf, textOf } from '../../families/http/oauth-properties.js';
import {
  arrangeHeaders,
  encryptedHeaderNames,
  type SealedHeaders,
} from '../../families/http/request-headers.js';
import type { InlineFiles } from '../../interface/fields.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import { placeProblem } from '../../interface/provider.js';
import { revealed } from '../../interface/secret.js';
import type { SignInMethod } from '../../interface/sign-in.js';
import { clientCertificateProblem } from '../../kit/client-certificate.js';
import type { LegacyManifest } from '../../kit/legacy-source.js';
import { findProvider } from '../../providers/registry.js';
import { propertiesSchema, targets, unverifiedTlsDenied } from './properties.js';

const ownEndpoints = [
  'authorizationUrl',
  'tokenUrl',
  'revocationUrl',
  'issuer',
  'deviceAuthorizationUrl',
  'pushedAuthorizationUrl',
];

const offsetHeaders = [
  ['IsOffsetStartFieldHeader', 'OffsetStartField'],
  ['IsOffsetCountFieldHeader', 'OffsetCountFieldName'],
] as const;

function pagingConflicts(definition: Readonly<Record<string, unknown>>): PropertyProblem[] {
  const { dataPath, OffsetDataPath } = definition;
  const problems: PropertyProblem[] = [];
  if (dataPath !== undefined && OffsetDataPath !== undefined && dataPath !== OffsetDataPath)
    problems.push({ property: 'OffsetDataPath', message: 'cannot be given together with another dataPath' });
  for (const [flag, name] of offsetHeaders) {
    if (definition[flag] !== true) continue;
    const { success, error } = headerNameSchema.safeParse(definition[name]);
    if (!success)
      problems.push({ property: name, message: error.issues[0]?.message ?? 'must be a header name' });
  }
  return problems;
}

/** Contradicting properties are refused, because users cannot guess which one wins. */
function conflicts(definition: Readonly<Record<string, unknown>>): PropertyProblem[] {
  return [...pagingConflicts(definition), ...signInConflicts(definition)];
}

function signInConflicts(definition: Readonly<Record<string, unknown>>): PropertyProblem[] {
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

type Fields = Readonly<Record<string, unknown>>;

/** A secret that no request would carry is not stored. */
function strayHeaders(credential: Fields, definition: Fields): PropertyProblem[] {
  const named = new Set(encryptedHeaderNames(definition));
  const sealed = (credential['encryptedHeaders'] ?? []) as SealedHeaders;
  const message = 'is not a request header of the connection with encrypt: true';
  return sealed.flatMap(({ name }, index) =>
    named.has(name.toLowerCase()) ? [] : [{ property: `encryptedHeaders.${index}.name`, message }],
  );
}

/** A certificate that TLS cannot use is refused when it is entered; later, the source would be blamed. */
function credentialConflicts(credential: Fields, definition: Fields): PropertyProblem[] {
  const stray = strayHeaders(credential, definition);
  const [file] = (credential['mutualPfxCertificateFiles'] ?? []) as InlineFiles;
  if (!file) return stray;
  const message = clientCertificateProblem(file.value, textOf(credential, 'mutualPfxCertificateKey'));
  return message === undefined ? stray : [...stray, { property: 'mutualPfxCertificateFiles', message }];
}

const settingsSchema = z.object({
  unverifiedTls: z
    .enum(['allow', 'deny'])
    .describe(
      'Whether serverCertificateValidation None is accepted. With allow, anyone on the network path can read credentials and change responses. Default: deny.',
    ),
});

function forbidden(
  { serverCertificateValidation }: Readonly<Record<string, unknown>>,
  { unverifiedTls }: Readonly<Record<string, string>>,
): PropertyProblem[] {
  if (serverCertificateValidation !== 'None' || unverifiedTls === 'allow') return [];
  return [{ property: 'serverCertificateValidation', message: unverifiedTlsDenied }];
}

/** Optional with every sign-in. */
const beside = ['mutualPfxCertificateFiles', 'mutualPfxCertificateKey', 'encryptedHeaders'];

/** What a definition needs besides the sign-in: a value for each encrypted header, and a client certificate. */
function lackingBeside(definition: Fields, login: Fields): PropertyProblem[] {
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

const methods: readonly SignInMethod[] = [
  {
    id: 'header',
    label: 'Encrypted header',
    when: { authSchema: 'anonymous' },
    applies: (definition) => encryptedHeaderNames(definition).length > 0,
    fields: beside,
    required: [],
  },
  {
    id: 'basic',
    label: 'User name and password',
    when: { authSchema: 'basic' },
    fields: ['username', 'password', ...beside],
    required: ['username', 'password'],
  },
  {
    id: 'bearer',
    label: 'Bearer token',
    when: { authSchema: 'bearer' },
    fields: ['bearerToken', ...beside],
    required: ['bearerToken'],
  },
  {
    id: 'api-key',
    label: 'API key',
    when: { authSchema: 'apiKey' },
    fields: ['apiKey', ...beside],
    required: ['apiKey'],
    requiredOneOf: [['apiKeyParameter'], ['apiKeyHeader']],
  },
  {
    id: 'oauth2',
    label: 'OAuth sign-in',
    when: { authSchema: 'oauth2' },
    fields: [...beside, 'refreshToken'],
    required: [],
    requiredOneOf: [['oauthProvider'], ['clientId', 'issuer'], ['clientId', 'authorizationUrl', 'tokenUrl']],
    oauth: { ...oauth('authorization_code'), refreshTokenField: 'refreshToken' },
  },
  {
    id: 'oauth2-device',
    label: 'OAuth sign-in on another device',
    when: { authSchema: 'oauth2Device' },
    fields: beside,
    required: [],
    requiredOneOf: [
      ['oauthProvider'],
      ['clientId', 'issuer'],
      ['clientId', 'deviceAuthorizationUrl', 'tokenUrl'],
    ],
    oauth: oauth('device_code'),
  },
  {
    id: 'oauth2-client-credentials',
    label: 'OAuth client credentials',
    when: { authSchema: 'oauth2ClientCredentials' },
    fields: beside,
    required: [],
    requiredProperties: ['clientId'],
    requiredOneOf: [
      ['oauthProvider', 'clientSecret'],
      ['oauthProvider', 'clientPrivateKey'],
      ['issuer', 'clientSecret'],
      ['tokenUrl', 'clientSecret'],
      ['issuer', 'clientPrivateKey'],
      ['tokenUrl', 'clientPrivateKey'],
    ],
    oauth: oauth('client_credentials'),
  },
  {
    id: 'oauth2-service-account',
    label: 'OAuth service account key',
    when: { authSchema: 'oauth2JwtBearer' },
    fields: [...beside, 'assertionIssuer', 'assertionSubject', 'assertionPrivateKey', 'assertionKeyId'],
    required: ['assertionIssuer', 'assertionPrivateKey'],
    requiredOneOf: [['oauthProvider'], ['issuer'], ['tokenUrl']],
    oauth: {
      grant: 'jwt_bearer',
      preset: (properties) => presetOf('jwt_bearer', properties),
      assertion: {
        claims: assertionClaims,
        privateKey: 'assertionPrivateKey',
        keyId: 'assertionKeyId',
      },
    },
  },
  {
    id: 'certificate',
    label: 'Client certificate',
    when: { authSchema: 'anonymous', enableMutualSSL: 'true' },
    fields: beside,
    required: ['mutualPfxCertificateFiles'],
  },
  { id: 'anonymous', label: 'Anonymous', fields: [], required: [] },
];

/** The first match is used. */
const signIns: readonly SignInMethod[] = methods.map((method) => ({
  ...method,
  lacking: lackingBeside,
}));

/** Any service that returns JSON over HTTP. */
export const manifest: LegacyManifest = {
  id: 'rest',
  name: 'REST',
  category: 'api',
  stage: 'beta',
  links: [
    {
      title: 'HTTP Semantics (RFC 9110)',
      url: 'https://www.rfc-editor.org/rfc/rfc9110',
    },
    {
      title: 'Qlik REST connector',
      url: 'https://help.qlik.com/en-US/cloud-services/Subsystems/REST_Connector_help/Content/Connectors_REST/Create-REST-connection/Create-REST-connection.htm',
    },
  ],
  icon: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#2f6f8f" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"><path d="M11 5c-4 0-4 2-4 5s0 6-4 6c4 0 4 3 4 6s0 5 4 5M21 5c4 0 4 2 4 5s0 6 4 6c-4 0-4 3-4 6s0 5-4 5"/><path d="M12 16h8M17 12l4 4-4 4"/></svg>',
  properties: propertiesSchema,
  queryCredential:
    'Use authSchema apiKey with its name in apiKeyParameter and its value in apiKey, which is sealed',
  conflicts,
  forbidden,
  settings: settingsSchema,
  arrange: arrangeHeaders,
  credentialConflicts,
  signIns,
  capabilities: { readPath: true, readQuery: false, readOnlyAtSource: false, browseDepth: 1 },
  evidence: {
    verifiedAgainst: ['HTTP servers of the lab and of the tests (node:http)'],
    notVerified: ['Public services on the Internet', 'A client certificate against a vendor’s server'],
    limits: [
      'HTTP has no read-only mode: a POST connection must call an operation that only reads.',
      'With pagination, columns and types come from the first page with rows; fields that only later pages have are in the column _more, and a value of a different type ends the read.',
      'A number that a double cannot hold is bigint or decimal; an object that repeats a member ends the read.',
      'XML and CSV responses and the pagination type Custom are not supported.',
      'Limits: 64 MB and 10 million values per page, 8 MB and a million values per row, 100 levels per value, 10,000 pages and 10,000 columns per read.',
      'Tests, previews and browsing accept pages up to 16 MB with rows up to 2 MB.',
      'Without pagination, a response that indicates more pages ends the read, unless PaginationFirstPageOnly is set; with OffsetTotalPath, one extra request follows the last page, because totals may be capped.',
      'Requesting the same page twice, or two consecutive pages with identical bytes, ends the read with an error.',
      'serverCertificateValidation None is refused unless the operator sets sources.rest.unverifiedTls to allow.',
    ],
  },
  target: ['url'],
  targets,
  load: () => import('./connector.js'),
};
