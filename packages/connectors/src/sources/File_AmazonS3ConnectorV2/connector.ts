import { s3Connector } from '../../families/s3/connector.js';
import type { Connector } from '../../interface/connector.js';
import { clientOptions } from './credentials.js';

export const connector: Connector = s3Connector(clientOptions);
