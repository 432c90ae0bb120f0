import path from 'node:path';
import { Secret } from '@mooring/connectors/interface/secret';
import type { z } from 'zod';
import { type ConfigurationFile, type Environment, readConfigurationFile } from './config-document.js';
import { isServiceLink, refuseUnknownVariables } from './config-environment.js';
import { ConfigError } from './config-error.js';
import type { awsKmsSchema, oauthClientSchema, transitSchema } from './config-file.js';
import { hiddenClient } from './hidden-client.js';

export { ConfigError } from './config-error.js';

// The only reader of the environment and of the configuration file. Other rooms get the frozen result.

/** From the file, with its secrets wrapped in `Secret`. */
export type OAuthClientSettings = ReturnType<typeof hiddenClient<z.output<typeof oauthClientSchema>>>;
export type Limits = ConfigurationFile['limits'];

/** Placeholder of the master key until the key service has decrypted it. */
export type KeyServiceSource =
  | ({ source: 'transit'; token: Secret<string> } & Omit<z.output<typeof transitSchema>, 'token'>)
  | ({ source: 'aws-kms'; credentials: AwsCredentials } & Omit<
      z.output<typeof awsKmsSchema>,
      keyof AwsCredentials
    >);

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: Secret<string>;
  sessionToken: Secret<string> | undefined;
}

export type LocalKeySource =
  | { source: 'environment'; value: string }
  | { source: 'file'; path: string; mayCreate: boolean };

export type MasterKeySource = LocalKeySource | KeyServiceSource;

export interface Config extends Readonly<Omit<ConfigurationFile, 'publicUrl' | 'keyService' | 'oauth'>> {
  readonly oauth: Omit<ConfigurationFile['oauth'], 'clients'> & {
    readonly clients: Readonly<Record<string, OAuthClientSettings>>;
  };
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Absent: embedded SQLite under the data folder. Holds a password. */
  readonly databaseUrl: string | undefined;
  /** Absent: derived from host and the port that was bound. */
  readonly publicUrl: string | undefined;
  /** Only this machine reaches the server: it listens on loopback, and no public URL indicates a proxy for others. */
  readonly isOfThisMachine: boolean;
  /** The public URL is not on loopback: a proxy, perhaps on this host, forwards requests of others. */
  readonly hasPublicUrl: boolean;
  readonly masterKey: MasterKeySource;
  /** The former master key, while the master key is replaced: the store may still be under it. */
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
  runners?: string | number;
}

function parsePort(value: string | number | undefined): number {
  if (typeof value === 'string' && isServiceLink(value)) {
    throw new ConfigError(
      'MOORING_PORT is an address that Kubernetes sets for a Service named mooring. Set enableServiceLinks: false in the pod, or give --port.',
    );
  }
  const port = Number(value ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError('The port (--port or MOORING_PORT) must be a number from 0 to 65535.');
  }
  return port;
}

function parseRunners(value: string | number | undefined): number | 'auto' | undefined {
  if (value === undefined || value === 'auto') return value;
  // An empty value, as from an unset variable, must not turn runners off.
  if (/^\d+$/.test(String(value))) return Number(value);
  throw new ConfigError('--runners must be auto or a whole number.');
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

const leadsToLoopback = (url: string): boolean =>
  isLoopback(new URL(url).hostname.replace(/^\[(.*)\]$/, '$1'));

type Given = (name: string) => string | undefined;

/** Keys from the configuration or the environment. The AWS SDK would look for others on the network, past the gate. */
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
      'keyService.awsKms needs accessKeyId and secretAccessKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Roles of instances and containers are not supported.',
    );
  }
  const credentials = {
    accessKeyId: found.accessKeyId,
    secretAccessKey: new Secret(found.secretAccessKey),
    sessionToken: found.sessionToken === undefined ? undefined : new Secret(found.sessionToken),
  };
  return { source: 'aws-kms', ...settings, credentials };
}

function masterKey(
  given: Given,
  { transit, awsKms: kms }: ConfigurationFile['keyService'],
  dataFolder: string,
): MasterKeySource {
  const value = given('MOORING_MASTER_KEY');
  const file = given('MOORING_MASTER_KEY_FILE');
  if ((transit || kms) && (value !== undefined || file !== undefined)) {
    throw new ConfigError(
      'Two master keys are configured: keyService in the configuration file, and MOORING_MASTER_KEY or MOORING_MASTER_KEY_FILE. Remove one. To replace the key, set MOORING_MASTER_KEY_PREVIOUS to the old one.',
    );
  }
  if (transit) return { source: 'transit', ...transit, token: new Secret(transit.token) };
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

const hiddenClients = (clients: ConfigurationFile['oauth']['clients']): Config['oauth']['clients'] =>
  Object.fromEntries(
    Object.entries(clients).map(([provider, settings]) => [provider, hiddenClient(settings)]),
  );

/**
 * Flags, environment and file as one frozen object.
 * @throws ConfigError naming the setting.
 */
export function loadConfig(flags: ServeFlags = {}, environment: Environment = process.env): Config {
  const given = (name: string) => (environment[name] === '' ? undefined : environment[name]);
  refuseUnknownVariables(environment);
  const { keyService, ...file } = readConfigurationFile(flags.config ?? given('MOORING_CONFIG'), environment);
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
  const publicUrl = parsePublicUrl(flags.publicUrl ?? given('MOORING_PUBLIC_URL') ?? file.publicUrl);
  const hasPublicUrl = publicUrl !== undefined && !leadsToLoopback(publicUrl);
  return Object.freeze({
    ...file,
    oauth: { ...file.oauth, clients: hiddenClients(file.oauth.clients) },
    egress: { ...file.egress, allow: [...file.egress.allow, ...fromEnvironment] },
    host,
    port: parsePort(flags.port ?? given('MOORING_PORT')),
    dataFolder,
    databaseUrl,
    publicUrl,
    hasPublicUrl,
    isOfThisMachine: isLoopback(host) && !hasPublicUrl,
    masterKey: masterKey(given, keyService, dataFolder),
    previousMasterKey: previousMasterKey(given),
    adminKey: given('MOORING_ADMIN_KEY'),
    logLevel: level as Config['logLevel'],
    runners: parseRunners(flags.runners) ?? file.runners,
  });
}
