import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { isPlainLoopback } from './oauth/endpoint-scheme.js';

// The only reader of the environment and of the configuration file. Everything else gets the frozen result.

const urlSchema = z.url({ protocol: /^https?$/ }).describe('http or https URL');

const oauthClientSchema = z.strictObject({
  clientId: z.string().min(1).describe('Client id that the provider gave you.'),
  clientSecret: z.string().min(1).optional().describe('Client secret; best as `env:NAME` or `file:PATH`.'),
  privateKey: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Private key of the client as PEM, instead of a secret (`private_key_jwt`, RFC 7523); as `env:NAME` or `file:PATH`. The kind of key decides the algorithm.',
    ),
  keyId: z.string().min(1).optional().describe('`kid` under which the provider knows that key.'),
  loopbackRedirect: z
    .boolean()
    .optional()
    .describe(
      'The client is registered as a native one (RFC 8252): the command line may take the redirect at `http://127.0.0.1:<any port>/callback`.',
    ),
  place: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Tenant, domain or account that the client is registered in, for providers that have one. Connections that use the client must name the same.',
    ),
  origins: z
    .array(urlSchema)
    .optional()
    .describe(
      'Origins, for instance `https://api.example.com`, that `rest` connections without a client of their own may send this client’s tokens to. None unless given.',
    ),
  issuer: urlSchema
    .optional()
    .describe('Point the provider elsewhere: issuer. Alone, its metadata names the endpoints.'),
  authorizationEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: authorization endpoint.'),
  tokenEndpoint: urlSchema.optional().describe('Point the provider elsewhere: token endpoint.'),
  revocationEndpoint: urlSchema.optional().describe('Point the provider elsewhere: revocation endpoint.'),
  accountEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: where it says who signed in, where it does so on request.'),
  deviceAuthorizationEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: device authorization endpoint (RFC 8628).'),
  pushedAuthorizationRequestEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: where authorization requests are pushed (RFC 9126).'),
});

/** What goes there is a token, or a request that one signed. */
const keyServiceUrlSchema = urlSchema.refine(
  (url) => url.startsWith('https:') || isPlainLoopback(url),
  'must be https; http is for this machine only',
);

const transitSchema = z.strictObject({
  address: keyServiceUrlSchema.describe(
    'Address of HashiCorp Vault or OpenBao, for instance `https://vault.example:8200`.',
  ),
  mount: z.string().min(1).default('transit').describe('Path at which the transit engine is mounted.'),
  key: z.string().min(1).describe('Name of the transit key that the master key was encrypted with.'),
  ciphertext: z
    .string()
    .regex(/^vault:v\d+:[A-Za-z0-9+/=]+$/, 'must be what `transit/encrypt` answered: vault:v1:…')
    .describe('The encrypted master key, `vault:v1:…`.'),
  token: z.string().min(1).describe('Token that may decrypt with that key; as `env:NAME` or `file:PATH`.'),
  namespace: z.string().min(1).optional().describe('Namespace, where the service has them.'),
  ca: z.string().min(1).optional().describe('PEM certificates to trust beside the system’s; as `file:PATH`.'),
});

const awsKmsSchema = z.strictObject({
  region: z.string().min(1).describe('AWS region of the key.'),
  keyId: z.string().min(1).describe('Id or ARN of the KMS key that the master key was encrypted with.'),
  ciphertext: z.base64().min(1).describe('The encrypted master key: `CiphertextBlob` as base64.'),
  encryptionContext: z
    .record(z.string(), z.string())
    .default({ service: 'mooring' })
    .describe('Encryption context that the master key was encrypted with.'),
  endpoint: keyServiceUrlSchema.optional().describe('Another address than the one of the region.'),
  accessKeyId: z
    .string()
    .min(1)
    .optional()
    .describe('Access key id; the environment variable `AWS_ACCESS_KEY_ID` unless given.'),
  secretAccessKey: z
    .string()
    .min(1)
    .optional()
    .describe('Secret access key, as `env:NAME` or `file:PATH`; `AWS_SECRET_ACCESS_KEY` unless given.'),
  sessionToken: z
    .string()
    .min(1)
    .optional()
    .describe('Session token of temporary keys; `AWS_SESSION_TOKEN` unless keys are given here.'),
});

const fileSchema = z.strictObject({
  publicUrl: urlSchema
    .optional()
    .describe('URL under which people reach this server; redirects and links are made from it.'),
  egress: z
    .strictObject({
      allow: z
        .array(z.string())
        .default([])
        .describe('Addresses or ranges that may be reached, each optionally with `:port`.'),
      loopback: z
        .enum(['auto', 'allow', 'deny'])
        .default('auto')
        .describe('`auto`: loopback is reachable only when the server itself listens on loopback.'),
      spaces: z
        .record(z.string().regex(/^[\da-f]{24}$/, 'must be the id of a space'), z.array(z.string()))
        .default({})
        .describe(
          'By space id, what the connections of that space may reach beyond `egress.allow`, in the same form.',
        ),
    })
    .prefault({}),
  oauth: z
    .strictObject({
      clients: z.record(z.string(), oauthClientSchema).default({}).describe('OAuth clients by provider key.'),
    })
    .prefault({}),
  sources: z
    .record(z.string(), z.record(z.string(), z.string()))
    .default({})
    .describe('Settings by data source id, for instance `apiEndpoint` of a private cloud.'),
  keyService: z
    .strictObject({ transit: transitSchema.optional(), awsKms: awsKmsSchema.optional() })
    .refine(({ transit, awsKms }) => !(transit && awsKms), 'name one service, not two')
    .prefault({}),
  rateLimits: z
    .union([
      z.literal('off'),
      z.strictObject({ tier1PerMinute: z.int().min(1), tier2PerMinute: z.int().min(1) }),
    ])
    .default('off')
    .describe(
      "`off`, or requests a minute for each tier, judged over five minutes per person. A tenant may take half of its people's limits together. Qlik's are `{tier1PerMinute: 1000, tier2PerMinute: 100}`.",
    ),
  limits: z
    .strictObject({
      signInMinutes: z
        .number()
        .positive()
        .default(10)
        .describe('How long an interactive sign-in stays open.'),
      requestSeconds: z
        .number()
        .min(1)
        .default(60)
        .describe(
          'Longest time in which a request must have arrived whole, and its headers in a third of it.',
        ),
      testSeconds: z.number().positive().default(15).describe('Time limit of a connection test.'),
      readRows: z.int().min(0).default(0).describe('Most rows of one read; 0: no limit.'),
      readBytes: z.int().min(0).default(0).describe('Most bytes of one read; 0: no limit.'),
      readSeconds: z.number().min(0).default(3600).describe('Longest read in seconds; 0: no limit.'),
      idleSeconds: z
        .number()
        .positive()
        .default(30)
        .describe('Longest silence of a source or a reader in seconds.'),
      usesPerSource: z
        .int()
        .min(1)
        .default(512)
        .describe(
          'Uses of one source (one destination of one tenant) at the same time, in one process. As many may wait.',
        ),
      usesPerTenant: z
        .int()
        .min(1)
        .default(768)
        .describe('Uses of one tenant at the same time, in one process. As many may wait.'),
      waitSeconds: z
        .number()
        .positive()
        .default(30)
        .describe('Longest wait of a use for its turn; then it is refused with 503 `BUSY`.'),
      pauseAfter: z
        .int()
        .min(1)
        .default(5)
        .describe(
          'How many uses in a row must fail to reach a source until it is left alone (503 `SOURCE-PAUSED`).',
        ),
      pauseSeconds: z
        .number()
        .positive()
        .default(10)
        .describe('How long a source is left alone; then one use tries it again.'),
      undoHours: z
        .number()
        .positive()
        .default(24)
        .describe('How long a bulk change of secrets can be undone; then the former secrets are destroyed.'),
      refusedSignIns: z
        .int()
        .min(1)
        .default(1)
        .describe(
          'How often a rehearsal lets one source refuse one login before it stops trying it there. Keep it under the lock-out limit of your sources.',
        ),
      wrapsPerKey: z
        .int()
        .min(1_000)
        .max(2 ** 32)
        .default(2 ** 32)
        .describe(
          'Data keys that one key of the vault may wrap. At half of it the log warns, at three quarters the key is rotated, and past it nothing more is sealed.',
        ),
      auditDays: z.int().min(1).default(90).describe('How long the record of what happened is kept.'),
    })
    .prefault({}),
});

export type OAuthClientSettings = z.output<typeof oauthClientSchema>;
export type Limits = z.output<typeof fileSchema>['limits'];

/** What the master key is while nobody has decrypted it. */
export type KeyServiceSource =
  | ({ source: 'transit' } & z.output<typeof transitSchema>)
  | ({ source: 'aws-kms'; credentials: AwsCredentials } & Omit<
      z.output<typeof awsKmsSchema>,
      keyof AwsCredentials
    >);

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export type LocalKeySource =
  | { source: 'environment'; value: string }
  | { source: 'file'; path: string; mayCreate: boolean };

export type MasterKeySource = LocalKeySource | KeyServiceSource;

export interface Config extends Readonly<Omit<z.output<typeof fileSchema>, 'publicUrl' | 'keyService'>> {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Absent: embedded SQLite under the data folder. Holds a password. */
  readonly databaseUrl: string | undefined;
  /** Absent: derived from host and the port that was bound. */
  readonly publicUrl: string | undefined;
  readonly listensOnLoopback: boolean;
  readonly masterKey: MasterKeySource;
  /** While the master key is changed: what the store may still be under. */
  readonly previousMasterKey: LocalKeySource | undefined;
  readonly adminKey: string | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Flags of `mooring serve`; they win over the environment, which wins over the file. */
export interface ServeFlags {
  host?: string;
  port?: string | number;
  data?: string;
  publicUrl?: string;
  config?: string;
}

/** Says which setting is wrong and how to mend it. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

function resolveReferences(value: unknown, environment: Environment, at: string): unknown {
  if (typeof value === 'string' && value.startsWith('env:')) {
    const found = environment[value.slice(4)];
    if (found === undefined || found === '')
      throw new ConfigError(`${at}: the environment variable ${value.slice(4)} is not set.`);
    return found;
  }
  if (typeof value === 'string' && value.startsWith('file:')) {
    try {
      return readFileSync(value.slice(5), 'utf8').trim();
    } catch {
      throw new ConfigError(`${at}: the file ${value.slice(5)} cannot be read.`);
    }
  }
  if (Array.isArray(value))
    return value.map((item, index) => resolveReferences(item, environment, `${at}[${index}]`));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        resolveReferences(item, environment, at === '' ? key : `${at}.${key}`),
      ]),
    );
  }
  return value;
}

function readFile(filePath: string | undefined, environment: Environment): z.output<typeof fileSchema> {
  let document: unknown = {};
  if (filePath) {
    let text: string;
    try {
      text = readFileSync(filePath, 'utf8');
    } catch {
      throw new ConfigError(
        `The configuration file ${filePath} cannot be read (--config or MOORING_CONFIG).`,
      );
    }
    document = resolveReferences(parseYaml(text) ?? {}, environment, '');
  }
  const parsed = fileSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
  throw new ConfigError(`The configuration file ${filePath ?? ''} is not valid. ${lines.join('; ')}`);
}

function parsePort(value: string | number | undefined): number {
  const port = Number(value ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError('The port (--port or MOORING_PORT) must be a number from 0 to 65535.');
  }
  return port;
}

function parsePublicUrl(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw new ConfigError(
      'The public URL (--public-url, MOORING_PUBLIC_URL or publicUrl) must be an http or https URL without user, query or fragment.',
    );
  }
  return url.href.replace(/\/+$/, '');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

type Given = (name: string) => string | undefined;

/**
 * Keys that are written down, here or in the environment. What the AWS SDK would look for beyond, it would ask the
 * network for, past the gate.
 */
function awsKms(
  given: Given,
  { accessKeyId, secretAccessKey, sessionToken, ...settings }: z.output<typeof awsKmsSchema>,
): MasterKeySource {
  const isHere = accessKeyId !== undefined || secretAccessKey !== undefined;
  const found = isHere
    ? { accessKeyId, secretAccessKey, sessionToken }
    : {
        accessKeyId: given('AWS_ACCESS_KEY_ID'),
        secretAccessKey: given('AWS_SECRET_ACCESS_KEY'),
        sessionToken: given('AWS_SESSION_TOKEN'),
      };
  if (found.accessKeyId === undefined || found.secretAccessKey === undefined) {
    throw new ConfigError(
      'keyService.awsKms needs accessKeyId and secretAccessKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Roles of instances and containers are not asked for.',
    );
  }
  return { source: 'aws-kms', ...settings, credentials: found as AwsCredentials };
}

function masterKey(
  given: Given,
  { transit, awsKms: kms }: z.output<typeof fileSchema>['keyService'],
  dataFolder: string,
): MasterKeySource {
  const value = given('MOORING_MASTER_KEY');
  const file = given('MOORING_MASTER_KEY_FILE');
  if ((transit || kms) && (value !== undefined || file !== undefined)) {
    throw new ConfigError(
      'There are two master keys: keyService in the configuration file, and MOORING_MASTER_KEY or MOORING_MASTER_KEY_FILE. Take one away; to change the key, name the old one in MOORING_MASTER_KEY_PREVIOUS.',
    );
  }
  if (transit) return { source: 'transit', ...transit };
  if (kms) return awsKms(given, kms);
  if (value !== undefined) return { source: 'environment', value };
  return file === undefined
    ? { source: 'file', path: path.join(dataFolder, 'master.key'), mayCreate: true }
    : { source: 'file', path: path.resolve(file), mayCreate: false };
}

function previousMasterKey(given: Given): LocalKeySource | undefined {
  const value = given('MOORING_MASTER_KEY_PREVIOUS');
  if (value !== undefined) return { source: 'environment', value };
  const file = given('MOORING_MASTER_KEY_PREVIOUS_FILE');
  return file === undefined ? undefined : { source: 'file', path: path.resolve(file), mayCreate: false };
}

/**
 * Flags, environment and file as one frozen object.
 * @throws ConfigError naming the setting.
 */
export function loadConfig(flags: ServeFlags = {}, environment: Environment = process.env): Config {
  const given = (name: string) => (environment[name] === '' ? undefined : environment[name]);
  const { keyService, ...file } = readFile(flags.config ?? given('MOORING_CONFIG'), environment);
  const host = flags.host ?? given('MOORING_HOST') ?? '127.0.0.1';
  const dataFolder = path.resolve(flags.data ?? given('MOORING_DATA') ?? './mooring-data');
  const databaseUrl = given('MOORING_DATABASE_URL');
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    throw new ConfigError(
      'MOORING_DATABASE_URL must be empty, or postgres://user:password@host:port/database.',
    );
  }
  const fromEnvironment = (given('MOORING_EGRESS_ALLOW') ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  const level = given('MOORING_LOG_LEVEL') ?? 'info';
  if (!['debug', 'info', 'warn', 'error', 'silent'].includes(level)) {
    throw new ConfigError('MOORING_LOG_LEVEL must be debug, info, warn, error or silent.');
  }
  return Object.freeze({
    ...file,
    egress: { ...file.egress, allow: [...file.egress.allow, ...fromEnvironment] },
    host,
    port: parsePort(flags.port ?? given('MOORING_PORT')),
    dataFolder,
    databaseUrl,
    publicUrl: parsePublicUrl(flags.publicUrl ?? given('MOORING_PUBLIC_URL') ?? file.publicUrl),
    listensOnLoopback: isLoopback(host),
    masterKey: masterKey(given, keyService, dataFolder),
    previousMasterKey: previousMasterKey(given),
    adminKey: given('MOORING_ADMIN_KEY'),
    logLevel: level as Config['logLevel'],
  });
}

interface Setting {
  name: string;
  default: string;
  meaning: string;
}

const environmentSettings: readonly Setting[] = [
  { name: 'MOORING_HOST', default: '127.0.0.1', meaning: 'Address to listen on (`--host`).' },
  { name: 'MOORING_PORT', default: '8080', meaning: 'Port; 0 picks a free one (`--port`).' },
  { name: 'MOORING_DATA', default: './mooring-data', meaning: 'Data folder (`--data`).' },
  {
    name: 'MOORING_PUBLIC_URL',
    default: 'host and port',
    meaning:
      'URL under which people reach the server (`--public-url`). Links and redirects are made from it, never from a request.',
  },
  { name: 'MOORING_CONFIG', default: '', meaning: 'Configuration file (`--config`).' },
  {
    name: 'MOORING_DATABASE_URL',
    default: '',
    meaning:
      'Empty: embedded SQLite under the data folder, for one node. `postgres://user:password@host:port/database`: a PostgreSQL database that any number of nodes share; `?sslmode=verify-full&sslrootcert=…` for TLS. All nodes need the same master key.',
  },
  { name: 'MOORING_MASTER_KEY', default: '', meaning: 'Master key: 32 bytes as base64.' },
  {
    name: 'MOORING_MASTER_KEY_FILE',
    default: '`master.key` in the data folder, made once',
    meaning: 'File that holds the master key, mode 0600.',
  },
  {
    name: 'MOORING_MASTER_KEY_PREVIOUS',
    default: '',
    meaning:
      'The master key before this one. Set while the master key is changed: the start that finds the store under it moves the store to the new one.',
  },
  {
    name: 'MOORING_MASTER_KEY_PREVIOUS_FILE',
    default: '',
    meaning: 'File that holds the master key before this one, mode 0600.',
  },
  {
    name: 'MOORING_ADMIN_KEY',
    default: 'generated, printed once',
    meaning: 'API key that the first start gives to the first tenant administrator; at least 16 characters.',
  },
  {
    name: 'MOORING_EGRESS_ALLOW',
    default: '',
    meaning:
      'Addresses or ranges that may be reached, comma-separated, each optionally with `:port`; added to `egress.allow`.',
  },
  { name: 'MOORING_LOG_LEVEL', default: 'info', meaning: 'debug, info, warn, error or silent.' },
];

function settingsOf(schema: z.core.JSONSchema.BaseSchema, prefix: string): Setting[] {
  if (schema.properties === undefined) {
    const value = schema.default === undefined ? '' : JSON.stringify(schema.default);
    const inner =
      typeof schema.additionalProperties === 'object'
        ? settingsOf(schema.additionalProperties, `${prefix}.<key>`)
        : [];
    const isMap = inner.length > 1 || inner[0]?.name.split('.').length !== prefix.split('.').length + 1;
    return [{ name: prefix, default: value, meaning: schema.description ?? '' }, ...(isMap ? inner : [])];
  }
  return Object.entries(schema.properties).flatMap(([name, property]) =>
    typeof property === 'boolean' ? [] : settingsOf(property, prefix === '' ? name : `${prefix}.${name}`),
  );
}

/** Every setting with its default and meaning, for the reference page. */
export function describeConfiguration(): { environment: readonly Setting[]; file: Setting[] } {
  const schema = z.toJSONSchema(fileSchema, { io: 'output', unrepresentable: 'any' });
  return { environment: environmentSettings, file: settingsOf(schema, '') };
}
