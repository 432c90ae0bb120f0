import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors/app-error.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes a form too. */
    acceptsForm?: boolean;
  }
}

const formType = 'application/x-www-form-urlencoded';

/** Members of a form; one that is given twice is refused (RFC 6749 section 3.2). */
function membersOf(text: string): Record<string, string> {
  const members: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in members) throw new AppError('DCERROR-0010', `${name.slice(0, 64)}: is given twice`);
    members[name] = value;
  }
  return members;
}

/** Five hundred connections in one request, with all that a connection can have, are fewer. */
const valuesMax = 30_000;
const quote = 0x22;
const backslash = 0x5c;
/** What a value of JSON begins with or has before it: `,`, `[`, `{`. */
const beforeValue: ReadonlySet<number> = new Set([0x2c, 0x5b, 0x7b]);

/** Where the text that begins here ends, or the end of the bytes. */
function endOfText(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf('"', start + 1); end >= 0; end = bytes.indexOf('"', end + 1)) {
    let escapes = 0;
    while (bytes[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return bytes.length;
}

/**
 * A body of many small values keeps this process busy many times as long as one of the same length with few, while
 * everybody else waits. They are counted, members and items, before anything is made of them.
 */
function hasTooManyValues(bytes: Buffer): boolean {
  // A value and what separates it from the next take two bytes at least.
  if (bytes.length < 2 * valuesMax) return false;
  let count = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === quote) at = endOfText(bytes, at);
    else if (beforeValue.has(byte)) count += 1;
    if (count > valuesMax) return true;
  }
  return false;
}

/**
 * As Windows writes text into files: UTF-8 with a mark, or UTF-16 (what `>` and `Out-File` of PowerShell make).
 * @throws AppError for UTF-16 that was sent as text
 */
function withoutMark(body: Buffer): Buffer {
  if (body.length >= 3 && body.readUIntBE(0, 3) === 0xefbbbf) return body.subarray(3);
  const mark = body.length < 2 ? 0 : body.readUInt16BE(0);
  if (mark !== 0xfffe && mark !== 0xfeff) return body;
  // JSON has characters of ASCII, each with a byte of zero. What other bytes `curl -d @file` took away shows nowhere.
  if (body.length % 2 !== 0 || !body.includes(0))
    throw new AppError(
      'DCERROR-0010',
      'body: is UTF-16 without all of its bytes, as curl -d @file sends it: send it with --data-binary @file',
    );
  const units = Buffer.from(body.subarray(2));
  return Buffer.from((mark === 0xfeff ? units.swap16() : units).toString('utf16le'), 'utf8');
}

const shellHint =
  '. On Windows, put the JSON into a file and send it with --data-binary @file.json (UTF-8 or UTF-16 with its mark)';

/** What shells make of `'{"a":"b"}'`, said without a byte of what was sent. */
function brokenJson(text: string): AppError {
  const start = text.trimStart();
  if (start.startsWith("'"))
    return new AppError(
      'DCERROR-0010',
      `body: is not JSON: it begins with a single quote, which the shell did not remove. Put it in double quotes and write " as \\"${shellHint}`,
    );
  if (/^\{\s*[A-Za-z_]/.test(start) || /^\[\s*\{\s*[A-Za-z_]/.test(start))
    return new AppError(
      'DCERROR-0010',
      `body: is not JSON: its names are without double quotes, as Windows shells send them. Write " as \\"${shellHint}`,
    );
  const position = positionOfFault(text);
  if (position === undefined)
    return new AppError('DCERROR-0010', 'body: has a member __proto__ or constructor, which no request has');
  return new AppError('DCERROR-0010', `body: is not JSON: broken at character ${position} of ${text.length}`);
}

/** Counted from one; undefined where nothing is wrong with it as JSON. */
function positionOfFault(text: string): number | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    return position === undefined ? text.length : Number(position) + 1;
  }
}

/**
 * Bodies are JSON in UTF-8: a form would also be what another site's page can send, so only a route that says so
 * takes one. Documented clients name JSON as the content type of requests that have no body, so an empty one is none.
 */
export function acceptBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    let bytes: Buffer;
    try {
      bytes = withoutMark(body);
    } catch (error) {
      return done(error as AppError);
    }
    if (!isUtf8(bytes)) return done(new AppError('DCERROR-0010', `body: must be UTF-8${shellHint}`));
    if (hasTooManyValues(bytes)) {
      return done(new AppError('DCERROR-0010', `body: has more than ${valuesMax} values; send less at once`));
    }
    const text = bytes.toString('utf8');
    return parse(request, text, (error, parsed) => (error ? done(brokenJson(text)) : done(null, parsed)));
  });
  app.addContentTypeParser<Buffer>(
    formType,
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      if (!request.routeOptions.config.acceptsForm) {
        throw new AppError('UNSUPPORTED-MEDIA-TYPE', 'Send the body as application/json.');
      }
      return membersOf(body.toString('utf8'));
    },
  );
}

/** More than that is not read away: its sender is cut off, and may not see why. */
const readAwayBytesMax = 16 * 1024 * 1024;

/**
 * Fastify ends the connection of a body that it refuses. What of it is still on its way would then be answered with a
 * reset, which takes the error out of the client's hands too (RFC 9112 section 9.6), so it is read and thrown away;
 * `limits.requestSeconds` ends that.
 */
export function readAwayTheRest(request: FastifyRequest, reply: FastifyReply): void {
  if (Number(request.headers['content-length'] ?? 0) > readAwayBytesMax) return;
  reply.removeHeader('connection');
  request.raw.resume();
}
