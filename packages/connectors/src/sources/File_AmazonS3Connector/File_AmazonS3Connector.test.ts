import { s3Harness } from '../../families/s3/s3-harness.js';
import { describeConnector } from '../../suite/describe-connector.js';
import { manifest } from './manifest.js';

describeConnector(manifest, s3Harness);
