/** The family derives the client's options; data types and errors are also its own (families/files, families/s3). */
export { s3Options as clientOptions } from '../../families/s3/client-options.js';
