import { loadConfig, type ServeFlags } from '@mooring/server/core/config/config';
import { moveStore } from '@mooring/server/core/move/move-store';

/** @param to absent: MOORING_DATABASE_URL, which is not seen in the list of processes */
export async function moveToDatabase(
  flags: ServeFlags,
  to: string | undefined,
  print: (line: string) => void,
): Promise<void> {
  const config = loadConfig(flags);
  const url = to ?? config.databaseUrl;
  if (url === undefined) throw new Error('Say where to: --to, or MOORING_DATABASE_URL.');
  const moved = await moveStore({ config, to: url, tell: print });
  const { dataFolder } = config;
  print(
    `Moved: ${moved.rows} rows in ${moved.tables} tables to ${moved.to}; ${moved.opened} sealed records open.`,
  );
  if (moved.unreadable > 0) print(`${moved.unreadable} sealed records do not open, as before.`);
  print(
    `Start with MOORING_DATABASE_URL and --data ${dataFolder}: the folder has the key file and tokens that may wait for the store.`,
  );
  print(
    `No server starts on ${dataFolder}/mooring.db any more. Delete it once you have a backup of the database.`,
  );
}
