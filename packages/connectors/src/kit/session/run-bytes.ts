import type { Abilities } from '../../interface/abilities.js';
import { ConnectorError } from '../../interface/errors.js';
import type { ByteStream, BytesRequest } from '../../interface/session.js';
import { pullsOf, started, streamOf } from './pulls.js';
import type { SessionRunner } from './run-session.js';
import type { CallOptions } from './work.js';

/** Reads a path as the bytes that the source stores. */
export async function runBytes(
  runner: SessionRunner,
  abilities: Abilities,
  request: BytesRequest,
  options: CallOptions,
): Promise<ByteStream> {
  if (!abilities.bytes) throw noBytes();
  const work = await runner.begin(options);
  try {
    const { found, source } = await work.step(async (session) => {
      const answer = await session.bytes?.(request, work.call);
      if (!answer) throw noBytes();
      return { found: answer, source: started(work, answer.chunks) };
    });
    if (!isAsked(request, found)) throw otherRange();
    const chunks = whole(pullsOf(work, source), expectedBytes(found));
    return { ...found, chunks: streamOf(work, chunks) };
  } catch (error) {
    throw await work.fail(error);
  }
}

const noBytes = () => new ConnectorError('unsupported', 'This data source has no files to read as bytes.');

const expectedBytes = ({ range, size }: ByteStream): number | undefined =>
  range ? range.to - range.from + 1 : size;

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Whether the source announces what was asked for: all of it, or the range up to the end of the file. */
function isAsked({ range: asked }: BytesRequest, { range, size }: ByteStream): boolean {
  if (size !== undefined && !isCount(size)) return false;
  if (!asked || !range) return asked === range;
  const { from, to } = range;
  if (!isCount(from) || !isCount(to) || from !== asked.from || to < from) return false;
  const last = Math.min(asked.to ?? Number.MAX_SAFE_INTEGER, (size ?? Number.MAX_SAFE_INTEGER) - 1);
  return size === undefined ? to <= last : to === last;
}

const otherRange = () =>
  new ConnectorError('protocol_error', 'The source announced another part of the file than requested.');

/** A part of a file must not look like the whole. */
async function* whole(
  pull: () => Promise<Uint8Array | undefined>,
  expected: number | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for (let chunk = await pull(); chunk; chunk = await pull()) {
    bytes += chunk.length;
    if (expected !== undefined && bytes > expected) throw otherLength();
    if (chunk.length > 0) yield chunk;
  }
  if (expected !== undefined && bytes !== expected) throw otherLength();
}

const otherLength = () =>
  new ConnectorError('protocol_error', 'The source sent another number of bytes than it announced.');
