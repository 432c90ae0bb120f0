import { loadConfig, type ServeFlags } from '@mooring/server/core/config/config';
import { moveStore } from '@mooring/server/core/move/move-store';

/** @param to absent: MOORING_DATABASE_URL, which keeps the password out of the process list */
export async function moveToDatabase(
  flags: ServeFlags,
  to: string | undefined,
  print: (line: string) => void,
): Promise<void> {
  const config = loadConfig(flags);
  const url = to ?? config.databaseUrl;
  if (url === undefined) throw new Error('No target. Specify --to, or set MOORING_DATABASE_URL.');
  const moved = await moveStore({ config, to: url, tell: print });
  const { dataFolder } = config;
  print(
    `Moved ${moved.rows} rows in ${moved.tables} tables to ${moved.to}; ${moved.opened} sealed records verified.`,
  );
  if (moved.unreadable > 0)
    print(
      `${moved.unreadable} sealed records cannot be decrypted; they could not be before the move either.`,
    );
  print(
    `Start the server with MOORING_DATABASE_URL and --data ${dataFolder}: the folder has the key file, and may have tokens that wait to be stored.`,
  );
  print(
    `The server no longer starts on ${dataFolder}/mooring.db. Delete it once you have a backup of the database.`,
  );
}
