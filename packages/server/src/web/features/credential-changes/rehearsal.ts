import type { Rehearsal } from '@mooring/contract/routes/credential-changes';
import type { LoginPair, PreparedLogin } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import { UnreadableError } from '../../../core/vault/envelope.js';
import type { Affected } from './affected-connections.js';
import { type RehearsalDependencies, type RehearsalRun, rehearseConnection } from './rehearse-connection.js';

export interface RehearsalResult {
  connections: Rehearsal[];
  prepared: PreparedLogin[];
  ok: boolean;
}

async function prepareAll(
  { logins }: RehearsalDependencies,
  affected: readonly Affected[],
  pair: LoginPair,
): Promise<PreparedLogin[]> {
  const prepared: PreparedLogin[] = [];
  for (const { credential, manifest, method } of affected) {
    try {
      prepared.push(await logins.prepare(credential, manifest, method, pair));
    } catch (cause) {
      if (!(cause instanceof UnreadableError)) throw cause;
      throw new AppError(
        'CREDENTIALS-REQUIRED',
        `The stored credential ${JSON.stringify(credential.name)} cannot be decrypted. Enter it again, or leave it out with qIDs.`,
        { meta: { reason: 'unreadable', credentialId: credential.id }, cause },
      );
    }
  }
  return prepared;
}

/** Tests the connections one by one, so that a login that a source refuses is not sent to it again. */
export async function rehearse(
  deps: RehearsalDependencies,
  scope: Omit<RehearsalRun, 'refusals' | 'toldRefused'>,
  affected: readonly Affected[],
  pair: LoginPair,
): Promise<RehearsalResult> {
  const prepared = await prepareAll(deps, affected, pair);
  const run = { ...scope, refusals: new Map<string, number>(), toldRefused: new Set<string>() };
  const connections: Rehearsal[] = [];
  for (const [index, one] of affected.entries()) {
    const login = prepared[index] as PreparedLogin;
    for (const listed of one.connections)
      connections.push(await rehearseConnection(deps, run, one, { login, listed }));
  }
  const has = (...outcomes: Rehearsal['outcome'][]) =>
    connections.some(({ outcome }) => outcomes.includes(outcome));
  return { connections, prepared, ok: has('passed') && !has('failed', 'not_tried') };
}
