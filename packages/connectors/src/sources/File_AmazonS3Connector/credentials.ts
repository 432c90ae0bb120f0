/** The client options come from the family, and so do data types and errors (families/files, families/s3). */
export { s3Options as clientOptions } from '../../families/s3/client-options.js';
