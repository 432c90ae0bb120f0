import { createApiClient } from '@mooring/contract/client';
import { verifyUses } from '@mooring/contract/routes/revocations';

export interface VerifyFlags {
  url: string;
  apiKey: string;
  /** `seq:hash`, as an earlier run printed it. */
  head?: string;
}

/** @returns true when the record of uses is whole */
export async function verifyAudit(flags: VerifyFlags, print: (line: string) => void): Promise<boolean> {
  const [seq, hash] = flags.head?.split(':') ?? [];
  if (flags.head !== undefined && !(seq && /^\d+$/.test(seq) && hash)) {
    throw new Error('--head must be what an earlier run printed, for instance 42:abc…');
  }
  const api = createApiClient({ url: flags.url, token: flags.apiKey });
  const report = await api.call(verifyUses, {
    body: seq && hash ? { head: { seq: Number(seq), hash } } : {},
  });
  const head = report.head ? `, head ${report.head.seq}:${report.head.hash}` : '';
  if (report.ok) print(`${report.records} records, whole${head}`);
  else
    print(
      `Not whole: record ${report.broken?.seq} ${report.broken?.problem}. ${report.records} are good${head}`,
    );
  return report.ok;
}
