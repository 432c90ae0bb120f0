import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { type awsKmsSchema, fileSchema, type oauthClientSchema, type transitSchema } from './config-file.js';

// The only reader of the environment and of the configuration file. Everything else gets the frozen result.

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
