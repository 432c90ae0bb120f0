import type { ParsingCaps } from '../../kit/json/caps.js';
import type { ReadRequest } from '../../spec/connector.js';
import type { FileRequest } from './file-request.js';

/** Request to the reader of a text format. */
export interface TextRequest {
  wanted: ReadRequest['columns'];
  asText: ReadRequest['asText'];
  caps: ParsingCaps;
  file: FileRequest;
}
