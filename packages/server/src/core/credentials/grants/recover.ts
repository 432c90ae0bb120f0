import type { Logger } from 'pino';
import type { NodeFolder } from '../../store/node-folder.js';
import type { KeptTokens } from './kept-tokens.js';
import type { RefreshLeases } from './refresh-lease.js';
import { type RefreshDependencies, storeTokens } from './refreshing.js';

export interface RecoverDependencies extends Pick<RefreshDependencies, 'records' | 'revokeTokens'> {
  keptTokens: KeptTokens;
  leases: Pick<RefreshLeases, 'freeFormer'>;
  folder: NodeFolder;
  dataFolder: string;
  log: Logger;
}

/** See `Grants.recover`. */
export async function recover(deps: RecoverDependencies): Promise<void> {
  const { keptTokens, leases, folder, dataFolder, log } = deps;
  const found = await keptTokens.all((file, error) =>
    log.error({ file, err: error }, 'refreshed tokens that waited for the store cannot be opened'),
  );
  for (const kept of found) {
    const outcome = await storeTokens(deps, kept);
    await keptTokens.drop(kept);
    log.warn({ credentialId: kept.credential.id, outcome }, 'refreshed tokens had waited for the store');
  }
  if (folder.prefix === undefined) {
    log.warn({ dataFolder }, 'another process uses this data folder; give each process its own');
  }
  await leases.freeFormer();
}
