import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import {
  startTellingHttp,
  startTellingMysql,
  startTellingPostgres,
} from '@mooring/connectors/suite/telling-servers';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { type LabClickHouse, startClickHouse } from '@mooring/lab/clickhouse';
import { type LabGithub, startGithub } from '@mooring/lab/github';
import { type LabMariaDb, startMariaDb } from '@mooring/lab/mariadb';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type LabRestApi, startRestApi } from '@mooring/lab/rest-api';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { type LabSsh, type LabSshKey, startSsh } from '@mooring/lab/ssh';
import { type RecordingRelay, startRecordingRelay } from './recording-relay.js';

// The servers of all sources, among them some that repeat the secrets that they receive.

export interface CanaryLab {
  authorizationServer: LabAuthorizationServer;
  /** In front of the authorization server, for what the service itself sends there. */
  relay: RecordingRelay;
  tokenUrl: string;
  s3: LabS3;
  postgres: LabPostgres;
  mariadb: LabMariaDb;
  ssh: LabSsh;
  sealedKey: LabSshKey;
  clickhouse: LabClickHouse;
  rest: LabRestApi;
  bigquery: LabBigQuery;
  github: LabGithub;
  tellingHttp: Awaited<ReturnType<typeof startTellingHttp>>;
  tellingPostgres: Awaited<ReturnType<typeof startTellingPostgres>>;
  tellingMysql: Awaited<ReturnType<typeof startTellingMysql>>;
  /** The password that both echoing databases accept. */
  repeated: string;
  close(): Promise<void>;
}

/** Each encoding of it differs, so that every one can be found. */
export const awkward = (name: string) => `${name} ~"<&+/\\ é ${randomBytes(9).toString('base64url')}`;
/** For places that accept only token characters. */
export const plain = (name: string) => `${name}.${randomBytes(18).toString('base64url')}`;

/** In the home of the SSH server's users. */
export const sftpFile = 'orders.csv';

async function startSshWithFile(): Promise<LabSsh> {
  const lab = await startSsh();
  await writeFile(`${lab.home}/${sftpFile}`, 'id,name\n1,Ada\n2,Grace\n3,Edsger\n');
  return lab;
}

export async function startCanaryLab(): Promise<CanaryLab> {
  const authorizationServer = await startAuthorizationServer();
  const { verifyAccessToken, url } = authorizationServer;
  const repeated = awkward('repeated');
  const parts = {
    authorizationServer,
    relay: await startRecordingRelay(Number(new URL(url).port)),
    s3: await startS3(),
    postgres: await startPostgres({ rowsInBig: 10 }),
    mariadb: await startMariaDb(),
    ssh: await startSshWithFile(),
    clickhouse: await startClickHouse(),
    rest: await startRestApi({ verifyAccessToken }),
    bigquery: await startBigQuery({ verifyAccessToken, rowsInBig: 10 }),
    github: await startGithub({ verifyAccessToken }),
    tellingHttp: await startTellingHttp(),
    tellingPostgres: await startTellingPostgres(repeated),
    tellingMysql: await startTellingMysql(repeated),
  };
  const sealedKey = await parts.ssh.addKey('ecdsa', { passphrase: awkward('passphrase') });
  return {
    ...parts,
    sealedKey,
    repeated,
    tokenUrl: `http://127.0.0.1:${parts.relay.port}/token`,
    async close() {
      for (const part of Object.values(parts)) await part.close();
    },
  };
}
