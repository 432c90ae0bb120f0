import { s3Manifest } from '../../families/s3/manifest.js';
import type { SourceManifest } from '../../interface/manifest.js';

export const manifest: SourceManifest = {
  ...s3Manifest,
  id: 'File_AmazonS3ConnectorV2',
  name: 'Amazon S3 V2',
  load: () => import('./connector.js'),
};
