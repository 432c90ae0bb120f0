import type { Stats } from 'ssh2';
import { ConnectorError } from '../../interface/errors.js';
import type { Item, Page } from '../../interface/session.js';
import { throwIfAborted } from '../../kit/deadline.js';
import type { Entry, SftpClient } from './client.js';

/** Entries of a folder that are looked at. A server could list for ever. */
const entriesMax = 1_000_000;

/** Anything else would be a path. */
const isName = (name: string) => name !== '.' && name !== '..' && !/[/\0]/.test(name);

type Listing = Page<Omit<Item, 'readable'>>;

const byName = (left: Entry, right: Entry) =>
  left.filename < right.filename ? -1 : left.filename > right.filename ? 1 : 0;

/** The first of a folder's entries by name after one name. SFTP has no order and no pages. */
async function firstAfter(
  client: SftpClient,
  place: string,
  { page, count, signal }: { page: string; count: number; signal: AbortSignal },
): Promise<Entry[]> {
  let kept: Entry[] = [];
  let seen = 0;
  const keep = () => {
    const isFirst = ({ filename }: Entry, index: number) => filename !== kept[index - 1]?.filename;
    kept = kept.sort(byName).filter(isFirst).slice(0, count);
  };
  for await (const part of client.entries(place)) {
    throwIfAborted(signal);
    seen += part.length;
    if (seen > entriesMax)
      throw new ConnectorError('too_large', 'The folder has more than a million entries.', {
        remedy: 'Read its files by path.',
      });
    for (const entry of part) if (isName(entry.filename) && entry.filename > page) kept.push(entry);
    if (kept.length > 2 * count + 1_000) keep();
  }
  keep();
  return kept;
}

const isLinkOrUnknown = ({ mode }: Stats) => mode === undefined || (mode & 0o170_000) === 0o120_000;

const secondsMax = 8_640_000_000_000;

function itemOf(name: string, attrs: Stats, path: readonly string[]): Listing['items'][number] | undefined {
  const { size, mtime } = attrs;
  const modified =
    mtime === undefined || mtime > secondsMax ? {} : { modified: new Date(mtime * 1_000).toISOString() };
  if (attrs.isDirectory())
    return { name, kind: 'folder', path: [...path, name], container: true, ...modified };
  // Devices, pipes and sockets are nothing to read.
  if (!attrs.isFile()) return undefined;
  return {
    ...{ name, kind: 'file', path: [...path, name], container: false },
    ...(size === undefined ? {} : { sizeBytes: size }),
    ...modified,
  };
}

/**
 * One page of a folder, by name. Links count as what they lead to; those that lead nowhere are left out.
 * @param place the folder's path on the server
 */
export async function listFolder(
  client: SftpClient,
  place: string,
  { path, limit, page }: { path: readonly string[]; limit: number; page?: string },
  signal: AbortSignal,
): Promise<Listing> {
  const found = await firstAfter(client, place, { page: page ?? '', count: limit + 1, signal });
  const shown = found.slice(0, limit);
  const items = await Promise.all(
    shown.map(async ({ filename, attrs }) => {
      if (!isLinkOrUnknown(attrs)) return itemOf(filename, attrs, path);
      const target = await client.stat(`${place}/${filename}`).catch((error: unknown) => {
        // A status is an answer about this link; anything else ends the session.
        if (typeof (error as { code?: unknown }).code === 'number') return undefined;
        throw error;
      });
      return target && itemOf(filename, target, path);
    }),
  );
  const last = shown.at(-1)?.filename;
  const listed = items.filter((item) => item !== undefined);
  return found.length > shown.length && last !== undefined
    ? { items: listed, next: last }
    : { items: listed };
}
