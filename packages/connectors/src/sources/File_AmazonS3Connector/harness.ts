export { s3Harness as harness } from '../../families/s3/s3-harness.js';
