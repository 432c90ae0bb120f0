import { s3Harness } from '../../families/s3/s3-harness.js';
import type { SourceHarness } from '../../suite/harness.js';

export const harness: SourceHarness = {
  ...s3Harness,
  notInDemo: 'The demo shows S3 by File_AmazonS3Connector.',
};
