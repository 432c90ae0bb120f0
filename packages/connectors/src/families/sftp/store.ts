// Files of a server, by path. Source: draft-ietf-secsh-filexfer-02.
import { ConnectorError } from '../../interface/errors.js';
import type { Path } from '../../interface/plan.js';
import type { ByteStream, BytesRequest } from '../../interface/session.js';
import type { SshConnection } from '../../kit/ssh/connection.js';
import type { Store } from '../files/store.js';
import type { StoredFile } from '../files/stored-file.js';
import { openSftp, type SftpClient } from './client.js';
import { bytesOf } from './file-bytes.js';
import { listFolder } from './listing.js';

/** @throws ConnectorError `invalid_query` for segments that a server would resolve to another place */
function placeOf(path: Path, root: string): string {
  for (const segment of path) {
    if (segment === '' || segment === '.' || segment === '..' || /[/\0]/.test(segment))
      throw new ConnectorError(
        'invalid_query',
        'The path has a segment that is empty, "." or "..", or has a slash.',
        {
          remedy: 'Use a path from browse: ["folder", "file.csv"].',
        },
      );
  }
  return [root.replace(/\/+$/, ''), ...path].join('/') || '/';
}

/** @throws ConnectorError for anything but a file, which could block the server */
async function fileAt(client: SftpClient, place: string): Promise<{ size: number; mtime: number }> {
  const found = await client.stat(place);
  if (found.isFile()) return found;
  throw found.isDirectory()
    ? new ConnectorError('invalid_query', 'The path names a folder, not a file.')
    : new ConnectorError('unsupported', 'The path names a device, a pipe or a socket, not a file.');
}

function storedFile(client: SftpClient, place: string, signal: AbortSignal): StoredFile {
  return {
    name: place.slice(place.lastIndexOf('/') + 1),
    signal,
    async open() {
      // Its size now: what is appended while it is read is not part of it. Some files have no size, but an end.
      const { size } = await fileAt(client, place);
      return { body: bytesOf(await client.open(place), 0, size || Number.MAX_SAFE_INTEGER), isGzip: false };
    },
    async openRanges() {
      const { size: byteLength } = await fileAt(client, place);
      const handle = await client.open(place);
      const slice = async (start: number, end: number) => {
        const bytes = new Uint8Array(Math.max(0, end - start));
        let at = 0;
        for await (const chunk of bytesOf({ ...handle, close: () => undefined }, start, end)) {
          bytes.set(chunk as Buffer, at);
          at += (chunk as Buffer).length;
        }
        if (at === bytes.length) return bytes.buffer;
        throw new ConnectorError('protocol_error', 'The file became shorter during the read.', {
          remedy: 'Read it again.',
        });
      };
      return { byteLength, slice, close: () => handle.close() };
    },
  };
}

async function bytesIn(client: SftpClient, place: string, range: BytesRequest['range']): Promise<ByteStream> {
  const { size, mtime } = await fileAt(client, place);
  const from = range?.from ?? 0;
  const end = Math.min(size, (range?.to ?? size - 1) + 1);
  if (range && from >= end)
    throw new ConnectorError('invalid_query', 'The range begins after the end of the file.');
  return {
    name: place.slice(place.lastIndexOf('/') + 1),
    size,
    // Weak: the protocol tells whole seconds.
    etag: `W/"${mtime.toString(16)}-${size.toString(16)}"`,
    ...(range ? { range: { from, to: end - 1 } } : {}),
    chunks: bytesOf(await client.open(place), from, end),
  };
}

/**
 * The files of a connection, which ends with the store.
 * @param folder to which paths are relative; `.` is where the server begins
 */
export async function sftpStore(connection: SshConnection, folder: string): Promise<Omit<Store, 'defaults'>> {
  const client = await openSftp(connection);
  const at = (path: Path) => placeOf(path, folder);
  return {
    async ping() {
      await client.stat(at([]));
      return connection.findings;
    },
    list: (request, { signal }) => listFolder(client, at(request.path), request, signal),
    assertFile: async (path) => void (await fileAt(client, at(path))),
    file: (path, { signal }) => storedFile(client, at(path), signal),
    bytes: ({ path, range }) => bytesIn(client, at(path), range),
    close: () => connection.close(),
  };
}
