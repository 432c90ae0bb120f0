import { type ApiClient, createApiClient } from '@mooring/contract/client';
import { leaveUser, listUsers, type UserLeaveReply } from '@mooring/contract/routes/users';
import { follow } from './revoke.js';

export interface LeaveFlags {
  url: string;
  apiKey: string;
  name: string;
  plan?: true;
}

type Print = (line: string) => void;

/** @throws Error when there is none, or more than one */
async function userIdOf(api: ApiClient, name: string): Promise<string> {
  if (/^[0-9a-f]{24}$/i.test(name)) return name;
  const value = JSON.stringify(name);
  const filter = ['subject', 'email', 'name'].map((member) => `${member} eq ${value}`).join(' or ');
  const { data } = await api.call(listUsers, { query: { filter } });
  const [only, ...others] = data;
  if (!only) throw new Error(`There is no user with the subject, e-mail address or name ${value}.`);
  if (others.length === 0) return only.id;
  const found = data.map(({ id, subject, email }) => `  ${id}  ${subject}${email ? `  ${email}` : ''}`);
  throw new Error(`${value} is not one user. Give the id of one of these:\n${found.join('\n')}`);
}

const words: Record<keyof UserLeaveReply['ends'], string> = {
  apiKeys: 'API keys',
  invitations: 'open invitations',
  signIns: 'sign-ins under way',
  credentials: 'credentials',
  grants: 'grants among them, whose providers are told',
  memberships: 'memberships of spaces',
  uses: 'uses under way',
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
  if (Object.values(ends).every((count) => count === 0)) print('  nothing but the right to come in');
  const connection = ({ qID, qName, spaceId }: (typeof withoutLogin.data)[number]) =>
    `${qID}  ${JSON.stringify(qName)} ${spaceId === undefined ? 'in a personal space' : `in the space ${spaceId}`}`;
  const named = ({ id, name: of }: { id: string; name: string }) => `${id}  ${JSON.stringify(of)}`;
  printSome('Connections that need their login entered again', withoutLogin, print, connection);
  printSome('Connections that want a new owner', withoutOwner.connections, print, connection);
  printSome('Spaces that want a new owner', withoutOwner.spaces, print, named);
  printSome('OAuth clients that want a new secret', withoutOwner.oauthClients, print, named);
}

/** @returns true when every provider that can be told has been told, or nothing was to be done */
export async function leave(flags: LeaveFlags, print: Print): Promise<boolean> {
  const api = createApiClient({ url: flags.url, token: flags.apiKey });
  const userId = await userIdOf(api, flags.name);
  const report = await api.call(leaveUser, {
    params: { userId },
    body: flags.plan ? { plan: true } : {},
  });
  show(report, print);
  if (!report.revocation) {
    print('Nothing was changed. Without --plan it is done; there is no way back.');
    return true;
  }
  const { counts, id } = await follow(api, report.revocation.id);
  if (counts.queued) print(`The server goes on telling ${counts.queued} providers: revocation ${id}.`);
  return !counts.queued && !counts.failed;
}
