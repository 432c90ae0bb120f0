import { type RestoreRequest, restore } from '@mooring/server/core/backup/restore';
import { loadConfig, type ServeFlags } from '@mooring/server/core/config/config';
import { describeLoss } from '@mooring/server/core/opening/unreadable-records';

/** @returns true when everything in the archive opens */
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
      'Not checked: nothing proves that the archive is as mooring backup wrote it. Before you let anybody in, look at who administers, who owns what, and which destinations are allowed.',
    );
  }
  for (const loss of losses) print(`Lost: ${describeLoss(loss)}`);
  if (losses.some(({ kind }) => kind === 'bearer-token')) {
    print(`Make a key for an administrator with: mooring admin-key --data ${flags.data}`);
  }
  return losses.length === 0;
}
