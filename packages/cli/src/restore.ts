import { type RestoreRequest, restore } from '@mooring/server/core/backup/restore';
import { loadConfig, type ServeFlags } from '@mooring/server/core/config/config';
import { describeLoss } from '@mooring/server/core/opening/unreadable-records';

/** @returns true if nothing in the backup is lost */
export async function restoreBackup(
  flags: ServeFlags & { data: string },
  request: Omit<RestoreRequest, 'config'>,
  print: (line: string) => void,
): Promise<boolean> {
  const begun = performance.now();
  const losses = await restore({ ...request, config: loadConfig(flags) });
  print(`Restored to ${flags.data} in ${Math.round(performance.now() - begun)} ms.`);
  if (request.isUnverified) {
    print(
      'Not verified: the backup has no proof of origin and may have been modified. Before you let users in, check administrators, owners and confirmed destinations.',
    );
  }
  for (const loss of losses) print(`Lost: ${describeLoss(loss)}`);
  if (losses.some(({ kind }) => kind === 'bearer-token')) {
    print(`Create an API key for the administrator with: mooring admin-key --data ${flags.data}`);
  }
  return losses.length === 0;
}
