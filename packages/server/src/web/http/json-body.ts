import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors/app-error.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route also accepts a form. */
    acceptsForm?: boolean;
  }
}

const formType = 'application/x-www-form-urlencoded';

/** Members of a form. @throws AppError when one is repeated (RFC 6749 section 3.2) */
function membersOf(text: string): Record<string, string> {
  const members: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in members) throw new AppError('DCERROR-0010', `${name.slice(0, 64)}: is given twice`);
    members[name] = value;
  }
  return members;
}

/** A maximal bulk request (500 full connections) stays below this limit. */
const valuesMax = 30_000;
const quote = 0x22;
const backslash = 0x5c;
/** Every value of JSON starts with or follows one of these: `,`, `[`, `{`. */
const beforeValue: ReadonlySet<number> = new Set([0x2c, 0x5b, 0x7b]);

/** Index of the closing quote of the string that starts here, or the length of the bytes. */
function endOfText(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf('"', start + 1); end >= 0; end = bytes.indexOf('"', end + 1)) {
    let escapes = 0;
    while (bytes[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return bytes.length;
}

/**
 * A body of many small values takes many times as long to parse as one of the same length with few, and blocks the
 * event loop meanwhile. So members and items are counted before the body is parsed.
 */
function hasTooManyValues(bytes: Buffer): boolean {
  // A value and its separator take at least two bytes.
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
 * Removes the byte order mark of files that Windows writes: UTF-8, or UTF-16 (from `>` and `Out-File` of PowerShell).
 * @throws AppError for UTF-16 that was sent as text
 */
function withoutMark(body: Buffer): Buffer {
  if (body.length >= 3 && body.readUIntBE(0, 3) === 0xefbbbf) return body.subarray(3);
  const mark = body.length < 2 ? 0 : body.readUInt16BE(0);
  if (mark !== 0xfffe && mark !== 0xfeff) return body;
  // JSON contains ASCII characters, each with a zero byte in UTF-16. Other bytes that `curl -d @file` strips leave no trace.
  if (body.length % 2 !== 0 || !body.includes(0))
    throw new AppError(
      'DCERROR-0010',
      'body: is incomplete UTF-16, as curl -d @file sends it: send it with --data-binary @file',
    );
  const units = Buffer.from(body.subarray(2));
  return Buffer.from((mark === 0xfeff ? units.swap16() : units).toString('utf16le'), 'utf8');
}

const shellHint =
  '. On Windows, put the JSON into a file and send it with --data-binary @file.json (UTF-8, or UTF-16 with a byte order mark)';

/** Explains what shells make of `'{"a":"b"}'`, without quoting the body. */
function brokenJson(text: string): AppError {
  const start = text.trimStart();
  if (start.startsWith("'"))
    return new AppError(
      'DCERROR-0010',
      `body: is not JSON: it starts with a single quote, which the shell did not remove. Use double quotes around it and write " as \\"${shellHint}`,
    );
  if (/^\{\s*[A-Za-z_]/.test(start) || /^\[\s*\{\s*[A-Za-z_]/.test(start))
    return new AppError(
      'DCERROR-0010',
      `body: is not JSON: its names have no double quotes, which Windows shells remove. Write " as \\"${shellHint}`,
    );
  const position = positionOfFault(text);
  if (position === undefined)
    return new AppError('DCERROR-0010', 'body: has a member __proto__ or constructor, which is not allowed');
  return new AppError('DCERROR-0010', `body: is not JSON: broken at character ${position} of ${text.length}`);
}

/** One-based; undefined for valid JSON. */
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
 * Bodies are JSON in UTF-8. A page of another site can send a form (CSRF), so only routes that say so accept one.
 * Documented clients send a JSON content type without a body, so an empty body counts as absent.
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
      return done(
        new AppError(
          'DCERROR-0010',
          `body: has more than ${valuesMax} values; split it into several requests`,
        ),
      );
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

/** A longer body is not drained: its connection is closed, and the client may not see the error. */
const drainedBytesMax = 16 * 1024 * 1024;

/**
 * Drains a rejected body. Fastify closes its connection, and the part of the body that is still in flight would cause a
 * reset, so that the client loses the error response too (RFC 9112 section 9.6). `limits.requestSeconds` bounds this.
 */
export function drainBody(request: FastifyRequest, reply: FastifyReply): void {
  if (Number(request.headers['content-length'] ?? 0) > drainedBytesMax) return;
  reply.removeHeader('connection');
  request.raw.resume();
}
