import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ApiClient } from '@mooring/contract/client';
import { exportUses, verifyUses } from '@mooring/contract/routes/uses';
import type { Print } from './command.js';

/**
 * @param head `seq:hash`, as an earlier run printed it
 * @returns true if the usage log is intact
 */
export async function verifyAudit(api: ApiClient, head: string | undefined, print: Print): Promise<boolean> {
  const [seq, hash] = head?.split(':') ?? [];
  if (head !== undefined && !(seq && /^\d+$/.test(seq) && hash)) {
    throw new Error('--head must be a head that an earlier run printed, for example 42:abc…');
  }
  const known = seq && hash ? { head: { seq: Number(seq), hash } } : {};
  let report = await api.call(verifyUses, { body: known });
  let { records } = report;
  while (!report.done && report.next !== undefined) {
    const { at, last } = report.checkpoints;
    print(`${records} records verified, checkpoint ${at} of ${last}`);
    report = await api.call(verifyUses, { body: { ...known, next: report.next } });
    records += report.records;
  }
  const { broken, unproven } = report;
  if (unproven) {
    print(
      `Records before checkpoint ${unproven.before} of ${unproven.at} cannot be verified: ${unproven.note}.`,
    );
  }
  if (report.ok) {
    print(`${records} records, intact${report.head ? `, head ${report.head.seq}:${report.head.hash}` : ''}`);
    return true;
  }
  const where = broken?.shard === undefined ? 'checkpoint' : `shard ${broken.shard}, record`;
  print(
    `Not intact: ${where} ${broken?.seq}: ${broken?.problem}. The ${records} records before it are intact`,
  );
  return false;
}

/**
 * Writes the usage log as NDJSON, oldest first.
 * @param span ISO 8601; uses that started at or after `from` and before `to`
 * @throws Error if the stream is aborted
 */
export async function exportAudit(
  api: ApiClient,
  { from, to }: { from?: string; to?: string },
  output: NodeJS.WritableStream,
): Promise<void> {
  const query = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  const response = await api.open(exportUses, { query, accept: 'application/x-ndjson' });
  if (response.body) await pipeline(Readable.fromWeb(response.body as never), output, { end: false });
}
