import type { SourceManifest } from './interface/manifest.js';
import { withTuning } from './qlik/tuning.js';
import { manifest as amazonS3 } from './sources/File_AmazonS3Connector/manifest.js';
import { manifest as amazonS3V2 } from './sources/File_AmazonS3ConnectorV2/manifest.js';
import { manifest as gbq } from './sources/gbq/manifest.js';
import { manifest as mysql } from './sources/mysql/manifest.js';
import { manifest as postgres } from './sources/postgres/manifest.js';
import { manifest as rest } from './sources/rest/manifest.js';

/** All data sources, one line each. A new source is its folder and a line here. */
const sources: readonly SourceManifest[] = [amazonS3V2, amazonS3, gbq, mysql, postgres, rest];

export const manifests: readonly SourceManifest[] = sources.map(withTuning);
