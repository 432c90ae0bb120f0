import { harness as clickhouse } from '../sources/clickhouse/harness.js';
import { harness as s3 } from '../sources/File_AmazonS3Connector/harness.js';
import { harness as s3V2 } from '../sources/File_AmazonS3ConnectorV2/harness.js';
import { harness as sftp } from '../sources/File_FileTransferConnector/harness.js';
import { harness as gbq } from '../sources/gbq/harness.js';
import { harness as github } from '../sources/github/harness.js';
import { harness as ldap } from '../sources/ldap/harness.js';
import { harness as mariadb } from '../sources/mariadb/harness.js';
import { harness as mysql } from '../sources/mysql/harness.js';
import { harness as postgres } from '../sources/postgres/harness.js';
import { harness as rest } from '../sources/rest/harness.js';
import type { SourceHarness } from './harness.js';

/** Harnesses that are read outside of their source. */
export const harnesses: readonly (readonly [id: string, harness: SourceHarness])[] = [
  ['clickhouse', clickhouse],
  ['postgres', postgres],
  ['mariadb', mariadb],
  ['mysql', mysql],
  ['File_FileTransferConnector', sftp],
  ['gbq', gbq],
  ['File_AmazonS3ConnectorV2', s3V2],
  ['File_AmazonS3Connector', s3],
  ['github', github],
  ['ldap', ldap],
  ['rest', rest],
];
