import type { Connector } from '../../interface/source.js';
import { fileSource } from '../files/source.js';
import { s3Errors } from './errors.js';
import type { S3Input } from './properties.js';
import { openS3Store } from './store.js';

/** The connector of both S3 sources. */
export const connector: Connector<S3Input> = fileSource(openS3Store, s3Errors);
