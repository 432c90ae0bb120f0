import type { SourceManifest } from './interface/manifest.js';
import type { AnySource } from './interface/source.js';
import { manifestOf } from './kit/manifest.js';
import { withTuning } from './qlik/tuning.js';
import { source as clickhouse } from './sources/clickhouse/source.js';
import { source as amazonS3 } from './sources/File_AmazonS3Connector/source.js';
import { source as amazonS3V2 } from './sources/File_AmazonS3ConnectorV2/source.js';
import { source as sftp } from './sources/File_FileTransferConnector/source.js';
import { source as gbq } from './sources/gbq/source.js';
import { source as github } from './sources/github/source.js';
import { source as ldap } from './sources/ldap/source.js';
import { source as mariadb } from './sources/mariadb/source.js';
import { source as mysql } from './sources/mysql/source.js';
import { source as postgres } from './sources/postgres/source.js';
import { source as rest } from './sources/rest/source.js';

/** All data sources, one line each. A new source is its folder and a line here. */
const sources: readonly AnySource[] = [
  amazonS3V2,
  amazonS3,
  sftp,
  clickhouse,
  gbq,
  github,
  ldap,
  mariadb,
  mysql,
  postgres,
  rest,
];

/** The flat view of each source, as callers fill it in. */
export const manifests: readonly SourceManifest[] = sources.map((source) => withTuning(manifestOf(source)));

const byId = new Map(sources.map((source) => [source.id, source]));

/** @throws Error for an id that is not in the registry */
export function sourceOf(id: string): AnySource {
  const found = byId.get(id);
  if (!found) throw new Error(`There is no data source ${JSON.stringify(id.slice(0, 64))}.`);
  return found;
}
