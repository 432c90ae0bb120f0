import { s3Harness } from '../../families/s3/s3-harness.js';
import { describeConnector } from '../../suite/describe-connector.js';
import { source } from './source.js';

describeConnector(source, s3Harness);
