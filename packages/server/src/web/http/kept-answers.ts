import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../core/access/caller.js';
import { sha256 } from '../../core/crypto/digest.js';
import type { BoundRoute } from './handler.js';

// Answers to a GET of one resource, kept while nothing that they rest on has changed (docs/decisions/
// 2026-12-01-kept-answers.md). Only where one process sees every change: with the embedded store.

export interface KeptAnswersDependencies {
  /** Grows with each change; undefined: unknown, and nothing is kept. */
  changes: () => number | undefined;
  now: () => number;
  /** Counts a request of a rate tier. False: it was not counted, and may be refused. */
  takeNow: (caller: Caller, tier: 1 | 2) => boolean;
  bytesMax?: number;
}

interface Kept {
  caller: Caller;
  /** Expiry of the caller's key or token, in milliseconds since the epoch. */
  expiresAt: number;
  tier: BoundRoute['route']['tier'];
  changes: number;
  /** Names and values in turn, without `x-request-id`. */
  headers: string[];
  text: string;
}

/** What a request noted before it read anything. */
export interface Keeping {
  key: string;
  changes: number;
}

const bytesMaxUsual = 8 * 1024 * 1024;
/** A long answer would push out many. */
const bytesOfOneMax = 64 * 1024;
/** Map entry, digest and caller. */
const overheadBytes = 512;

const bytesOf = ({ headers, text }: Kept): number =>
  overheadBytes + 2 * (text.length + headers.reduce((sum, header) => sum + header.length, 0));

/**
 * The key of a request: the token is part of it, so that no user gets the answer of another, and only as a digest, so
 * that tokens cannot be found in the memory of this process. Undefined: its answer is not kept.
 */
function keyOf({ raw }: FastifyRequest): string | undefined {
  const { authorization } = raw.headers;
  if (raw.method !== 'GET' || authorization === undefined) return undefined;
  if (raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined)
    return undefined;
  // The client wants a fresh answer (RFC 9111 section 5.2.1.4).
  if (raw.headers['cache-control'] !== undefined) return undefined;
  return sha256(`${authorization}\n${raw.url}`);
}

/** True for routes whose answers follow from rows and caller alone. */
export const isKeptRoute = ({ route }: BoundRoute): boolean =>
  route.method === 'GET' && route.etag !== undefined;

export type KeptAnswers = ReturnType<typeof createKeptAnswers>;

export function createKeptAnswers({
  changes,
  now,
  takeNow,
  bytesMax = bytesMaxUsual,
}: KeptAnswersDependencies) {
  const answers = new Map<string, Kept>();
  let bytes = 0;

  const drop = (key: string, kept: Kept): void => {
    answers.delete(key);
    bytes -= bytesOf(kept);
  };

  return {
    /** Answers a request if its answer was kept, and still is what it would be. */
    answer(request: FastifyRequest, reply: FastifyReply): boolean {
      if (answers.size === 0) return false;
      const key = keyOf(request);
      const kept = key === undefined ? undefined : answers.get(key);
      if (!kept || key === undefined) return false;
      if (kept.changes !== changes() || kept.expiresAt <= now()) {
        drop(key, kept);
        return false;
      }
      if (kept.tier !== 'none' && !takeNow(kept.caller, kept.tier)) return false;
      reply.hijack();
      reply.raw.writeHead(200, [...kept.headers, 'x-request-id', request.id]);
      reply.raw.end(kept.text);
      return true;
    },
    /** Call it before anything is read for the answer. */
    begin(request: FastifyRequest): Keeping | undefined {
      const count = changes();
      const key = count === undefined ? undefined : keyOf(request);
      return count === undefined || key === undefined ? undefined : { key, changes: count };
    },
    /** Keeps a complete answer. It is of the count before its reads: after a change since then it is never used. */
    keep(
      { key, changes: before }: Keeping,
      { caller, expiresAt, tier }: Pick<Kept, 'caller' | 'expiresAt' | 'tier'>,
      reply: FastifyReply,
      text: string,
    ): void {
      if (text.length > bytesOfOneMax) return;
      const { 'x-request-id': _, ...headers } = { ...reply.getHeaders() };
      const flat = Object.entries(headers).flatMap(([name, value]) => [name, String(value)]);
      flat.push('content-length', String(Buffer.byteLength(text)));
      const kept: Kept = { caller, expiresAt, tier, changes: before, headers: flat, text };
      const earlier = answers.get(key);
      if (earlier) drop(key, earlier);
      answers.set(key, kept);
      bytes += bytesOf(kept);
      // Oldest first.
      for (const [oldest, old] of answers) {
        if (bytes <= bytesMax) break;
        drop(oldest, old);
      }
    },
  };
}
