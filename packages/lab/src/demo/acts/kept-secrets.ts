import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectEqual } from '../expectations.js';
import type { Stage } from '../stage.js';
import type { Walk } from '../walk.js';

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Looks for every secret of the walk where Mooring keeps things. */
export async function searchForSecrets(walk: Walk, { mooring, secrets }: Stage): Promise<void> {
  await walk.step(
    'Data folder and log are searched for secrets',
    'no password or key: plain, base64 or hexadecimal',
    async (step) => {
      const files = await filesBelow(mooring.dataFolder);
      let isInUse = false;
      for (const file of files) {
        const bytes = await readFile(file);
        step.say('·', `${file.slice(mooring.dataFolder.length + 1)}, ${bytes.length} bytes`);
        isInUse ||= bytes.includes('Alice');
        expectEqual(`secrets in ${file}`, secrets.countIn(bytes), 0);
      }
      const log = mooring.log();
      step.say('·', `log, ${log.trimEnd().split('\n').length} lines`);
      expectEqual('secrets in the log', secrets.countIn(Buffer.from(log)), 0);
      // Otherwise the search would have looked in the wrong place.
      expectEqual('the name of Alice in the data folder', isInUse, true);
    },
  );
}
