import type { ApiClient } from '@mooring/contract/client';
import { leaveUser, type UserLeaveReply } from '@mooring/contract/routes/leave-user';
import { listUsers } from '@mooring/contract/routes/users';
import type { Print } from './command.js';
import { follow } from './revoke.js';

/** @throws Error if no user, or more than one, has the name */
async function userIdOf(api: ApiClient, name: string): Promise<string> {
  if (/^[0-9a-f]{24}$/i.test(name)) return name;
  const value = JSON.stringify(name);
  const filter = ['subject', 'email', 'name'].map((member) => `${member} eq ${value}`).join(' or ');
  const { data } = await api.call(listUsers, { query: { filter } });
  const [only, ...others] = data;
  if (!only) throw new Error(`No user has the subject, e-mail address or name ${value}.`);
  if (others.length === 0) return only.id;
  const found = data.map(({ id, subject, email }) => `  ${id}  ${subject}${email ? `  ${email}` : ''}`);
  throw new Error(`${value} matches several users. Specify the id of one of these:\n${found.join('\n')}`);
}

const words: Record<keyof UserLeaveReply['ends'], string> = {
  apiKeys: 'API keys',
  invitations: 'open invitations',
  signIns: 'pending sign-ins',
  credentials: 'credentials',
  grants: 'of them OAuth grants, to be revoked at their providers',
  memberships: 'space memberships',
  uses: 'running uses',
};

function printSome<Item>(
  title: string,
  { total, data }: { total: number; data: readonly Item[] },
  print: Print,
  lineOf: (item: Item) => string,
): void {
  if (total === 0) return;
  print(`${title}: ${total}`);
  for (const item of data) print(`  ${lineOf(item)}`);
  if (total > data.length) print(`  and ${total - data.length} more`);
}

function show(report: UserLeaveReply, print: Print): void {
  const { ends, withoutLogin, withoutOwner, name, subject, userId, plan } = report;
  print(`${JSON.stringify(name)} (${subject}, ${userId}). ${plan ? 'Would end' : 'Ended'}:`);
  for (const [kind, what] of Object.entries(words) as [keyof typeof ends, string][]) {
    if (ends[kind] > 0) print(`  ${ends[kind]} ${what}`);
  }
  if (Object.values(ends).every((count) => count === 0)) print('  only the permission to sign in');
  const connection = ({ qID, qName, spaceId }: (typeof withoutLogin.data)[number]) =>
    `${qID}  ${JSON.stringify(qName)} ${spaceId === undefined ? 'in a personal space' : `in space ${spaceId}`}`;
  const named = ({ id, name: of }: { id: string; name: string }) => `${id}  ${JSON.stringify(of)}`;
  printSome('Connections that need a new login', withoutLogin, print, connection);
  printSome('Connections that need a new owner', withoutOwner.connections, print, connection);
  printSome('Spaces that need a new owner', withoutOwner.spaces, print, named);
  printSome('OAuth clients that need a new secret', withoutOwner.oauthClients, print, named);
}

/** @returns true if no revocation at a provider is queued or has failed */
export async function leave(
  api: ApiClient,
  { name, plan }: { name: string; plan?: true },
  print: Print,
): Promise<boolean> {
  const userId = await userIdOf(api, name);
  const report = await api.call(leaveUser, {
    params: { userId },
    body: plan ? { plan } : {},
  });
  show(report, print);
  if (!report.revocation) {
    print('Nothing was changed. Run again without --plan to apply it; that cannot be undone.');
    return true;
  }
  const { counts, id } = await follow(api, report.revocation.id);
  if (counts.queued)
    print(
      `${counts.queued} grants are still to be revoked at their providers; the server keeps trying: revocation ${id}.`,
    );
  return !counts.queued && !counts.failed;
}
