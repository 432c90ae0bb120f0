import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lab, startLab } from '../lab.js';
import { type MooringProcess, startMooring } from './mooring-process.js';
import type { Narrator } from './narrator.js';
import type { SecretValues } from './secrets.js';
import type { User } from './walk.js';

export interface StageOptions {
  /** Program and arguments that start Mooring's command line. */
  command: readonly string[];
  narrator: Narrator;
  secrets: SecretValues;
  signal: AbortSignal;
}

/** The lab, and Mooring as a separate process on a fresh data folder. */
export interface Stage {
  lab: Lab;
  mooring: MooringProcess;
  administrator: User;
  secrets: SecretValues;
  /** Ends everything and removes the folder. @returns Mooring's exit code. */
  close(): Promise<number | null>;
}

/** Mooring's configuration file: Google's sign-in and BigQuery's API are the lab's. */
function configuration({ authorizationServer, bigquery }: Lab) {
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint, client } = authorizationServer;
  const endpoints = { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
  const google = { clientId: client.clientId, clientSecret: 'env:DEMO_GOOGLE_SECRET', ...endpoints };
  return { oauth: { clients: { google } }, sources: { gbq: { apiEndpoint: bigquery.url } } };
}

/** Everything that Mooring will be given to keep. */
function entrustSecrets(secrets: SecretValues, lab: Lab): void {
  const { authorizationServer, s3, postgres, restApi } = lab;
  const { analyst, intern } = s3.accounts;
  const passwords = [...Object.values(postgres.roles), ...authorizationServer.users];
  const keys = [authorizationServer.client.clientSecret, restApi.apiKey.value];
  for (const value of [...passwords.map(({ password }) => password), ...keys]) secrets.entrust(value);
  for (const { accessKey, secretKey } of [analyst, intern]) {
    secrets.entrust(accessKey);
    secrets.entrust(secretKey);
  }
}

async function startOn(folder: string, lab: Lab, options: StageOptions) {
  const adminKey = randomBytes(24).toString('hex');
  options.secrets.entrust(adminKey);
  const configFile = join(folder, 'mooring.yaml');
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(configuration(lab)), { mode: 0o600 });
  const environment = {
    MOORING_ADMIN_KEY: adminKey,
    DEMO_GOOGLE_SECRET: lab.authorizationServer.client.clientSecret,
  };
  const { command, signal } = options;
  const mooring = await startMooring({ command, folder, configFile, environment, signal });
  lab.authorizationServer.addRedirectUri(`${mooring.url}/oauth/callback/google`);
  return { mooring, administrator: { name: 'the administrator', key: adminKey } };
}

/**
 * Starts everything the demo needs, in about three seconds.
 * @throws Error when a part does not start, after cleaning up the others.
 */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { narrator, secrets, signal } = options;
  const lab = await narrator.during(
    'Lab: authorization server, S3, PostgreSQL, BigQuery stand-in, REST API',
    () => startLab(),
  );
  const folder = await mkdtemp(join(tmpdir(), 'mooring-demo-'));
  const clear = async () => {
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    signal.throwIfAborted();
    entrustSecrets(secrets, lab);
    const { mooring, administrator } = await narrator.during(
      'Mooring: `mooring serve` on a free port and a fresh data folder',
      () => startOn(folder, lab, options),
    );
    const close = async () => {
      const code = await mooring.stop();
      await clear();
      return code;
    };
    return { lab, mooring, administrator, secrets, close };
  } catch (error) {
    await clear();
    throw error;
  }
}
