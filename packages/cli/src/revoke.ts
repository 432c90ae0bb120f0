import type { ApiClient } from '@mooring/contract/client';
import { getTenant } from '@mooring/contract/routes/platform';
import { getRevocation, revokeCredentials } from '@mooring/contract/routes/revocations';
import type { Print } from './command.js';

export interface RevokeFlags {
  user?: string;
  source?: string;
  all?: true;
}

const pollMs = 1_000;
/** How long to wait for revocation at providers; the server keeps retrying those that are down. */
const providersMs = 30_000;

type Report = Awaited<ReturnType<typeof follow>>;

/** Waits until the revocation is done, then at most `providersMs` for revocation at providers. */
export async function follow(api: ApiClient, id: string) {
  let until = Date.now() + providersMs;
  for (;;) {
    const report = await api.call(getRevocation, { params: { id } });
    const isDone = report.status === 'done';
    if (isDone && (!report.counts.queued || Date.now() > until)) return report;
    if (!isDone) until = Date.now() + providersMs;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function pageAfter(api: ApiClient, { id, links }: Report): Promise<Report | undefined> {
  const next = links.next && new URL(links.next.href).searchParams.get('next');
  return next ? api.call(getRevocation, { params: { id }, query: { next } }) : undefined;
}

/** @returns true if no revocation at a provider is queued or has failed */
export async function revoke(api: ApiClient, flags: RevokeFlags, print: Print): Promise<boolean> {
  const body = {
    ...(flags.user === undefined ? {} : { userId: flags.user }),
    ...(flags.source === undefined ? {} : { dataSourceId: flags.source }),
    ...(flags.all ? { all: (await api.call(getTenant)).id } : {}),
  };
  const begun = await api.call(revokeCredentials, { body });
  if (begun.status === 'running')
    print(`Revocation ${begun.id} of ${begun.total} credentials is in progress.`);
  const report: Report = begun.total === 0 ? begun : await follow(api, begun.id);
  for (let page: Report | undefined = report; page; page = await pageAfter(api, page)) {
    for (const { credentialId, qName, userId, datasourceID, status } of page.data) {
      print(`${credentialId}  ${datasourceID}  ${status}  ${JSON.stringify(qName)} of ${userId}`);
    }
  }
  const counts = Object.entries(report.counts).map(([status, count]) => `${count} ${status}`);
  print(
    `${report.total} credentials destroyed${counts.length === 0 ? '' : `; providers: ${counts.join(', ')}`}.`,
  );
  if (report.counts.queued) print(`The server keeps retrying at the providers: revocation ${report.id}.`);
  return !report.counts.queued && !report.counts.failed;
}
