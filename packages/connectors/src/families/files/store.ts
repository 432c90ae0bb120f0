import type { FileOptions } from '@mooring/contract/file-options';
import type { Call } from '../../interface/call.js';
import type { Path } from '../../interface/plan.js';
import type {
  BrowseRequest,
  ByteStream,
  BytesRequest,
  Context,
  Findings,
  Item,
  Page,
} from '../../interface/session.js';
import type { StoredFile } from './stored-file.js';

/** Where files are stored: a bucket, an SFTP server. It throws its client's own errors. */
export interface Store {
  /** Defaults for reading files. */
  defaults: FileOptions;
  ping(call: Call): Promise<Findings>;
  /** One page of a level. `readable` is decided by the caller, by the formats it knows. */
  list(request: BrowseRequest, call: Call): Promise<Page<Omit<Item, 'readable'>>>;
  /** @throws when there is nothing at the path, or no file */
  assertFile(path: Path, call: Call): Promise<void>;
  /** @throws ConnectorError `invalid_query` for a path that cannot name a file */
  file(path: Path, call: Call): StoredFile;
  bytes(request: BytesRequest, call: Call): Promise<ByteStream>;
  close(): Promise<void>;
}

export type OpenStore<Input> = (input: Input, context: Context) => Promise<Store>;
