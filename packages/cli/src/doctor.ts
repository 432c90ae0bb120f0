import type { ApiClient } from '@mooring/contract/client';
import { getSelfCheck, type SelfCheckReply } from '@mooring/contract/routes/self-check';
import type { Print } from './command.js';

/**
 * Prints the self-check of a running server.
 * @returns false if something must be fixed
 * @throws ApiError
 */
export async function examine(api: ApiClient, print: Print): Promise<boolean> {
  const report = await api.call(getSelfCheck);
  for (const line of linesOf(report)) print(line);
  return [report.publicUrl, report.loopback, report.runners, ...report.clients].every(
    ({ remedy }) => remedy === undefined,
  );
}

function linesOf({ publicUrl, loopback, runners, clients }: SelfCheckReply): string[] {
  const lines = [`Public URL ${publicUrl.url}: ${publicUrl.state}. ${publicUrl.detail}`, ...todo(publicUrl)];
  lines.push(`Loopback of the server: ${loopback.state}. ${loopback.detail}`, ...todo(loopback));
  lines.push(`Runners: ${runners.state}. ${runners.detail}`, ...todo(runners));
  if (clients.length === 0) lines.push('No OAuth client is configured (oauth.clients).');
  for (const client of clients) {
    lines.push(`OAuth client ${client.provider}: ${client.state}. ${client.detail}`);
    lines.push(`  Redirect URI to register: ${client.redirectUri}`);
    if (client.documentation !== undefined) lines.push(`  Documentation: ${client.documentation}`);
    lines.push(...todo(client));
  }
  return lines;
}

const todo = ({ remedy }: { remedy?: string | undefined }): string[] =>
  remedy === undefined ? [] : [`  To do: ${remedy}`];
