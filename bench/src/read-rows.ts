import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { apiKey, type MooringProcess } from './mooring-process.js';

export interface RowsRead {
  bytes: number;
  seconds: number;
  /** False when the reader left early. */
  isComplete: boolean;
}

export interface ReadOptions {
  accept: string;
  path: readonly string[];
  /** Rows; absent: all of them. */
  limit?: number;
  /** Reads no faster than this and leaves after `seconds`. */
  slowly?: { bytesPerSecond: number; seconds: number };
}

async function take(response: IncomingMessage, slowly: ReadOptions['slowly']): Promise<number> {
  const begun = performance.now();
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (!slowly) continue;
    const seconds = (performance.now() - begun) / 1000;
    if (seconds > slowly.seconds) break;
    const ahead = bytes / slowly.bytesPerSecond - seconds;
    if (ahead > 0) await delay(ahead * 1000);
  }
  return bytes;
}

/** Reads a table through a connection over HTTP and drops the bytes. @throws Error for an incomplete stream. */
export async function readRows(
  mooring: MooringProcess,
  connectionId: string,
  { accept, path, limit, slowly }: ReadOptions,
): Promise<RowsRead> {
  const begun = performance.now();
  const outgoing = request(`${mooring.url}/api/v1/data-connections/${connectionId}/actions/read`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept },
  });
  outgoing.end(JSON.stringify({ path, limit }));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`the read was answered with ${response.statusCode}`);
  const bytes = await take(response, slowly);
  const isComplete = response.trailers['mooring-stream'] === 'complete';
  if (!isComplete && !slowly) throw new Error('the read ended early');
  return { bytes, seconds: (performance.now() - begun) / 1000, isComplete };
}
