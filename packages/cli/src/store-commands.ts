import { type Command, Option } from 'commander';
import { dataOption, exitWith, printLine, reporting } from './command.js';

// Commands on the store of this machine.

const configOption = () =>
  new Option('--config <file>', 'configuration file, if it names a key service (MOORING_CONFIG)');

export function addStoreCommands(program: Command): void {
  program
    .command('admin-key')
    .description(
      'Create a new API key for the first administrator, on the server itself; stop a server with an embedded store first',
    )
    .addOption(dataOption())
    .option('--config <file>', 'YAML configuration file (MOORING_CONFIG)')
    .action(
      reporting(async (flags) => {
        process.umask(0o077);
        const { runAdminKey } = await import('@mooring/server/start/run');
        const { token, expiresAt, user } = await runAdminKey(flags);
        printLine(
          `API key for ${user.name} (${user.subject}), shown only once, expires ${expiresAt}: ${token}`,
        );
      }),
    );

  addBackupCommands(program);

  program
    .command('move')
    .description(
      'Move the embedded store to an empty PostgreSQL database, while the server is stopped; run it again after an interruption',
    )
    .option('--to <url>', 'postgres://user:password@host:port/database (MOORING_DATABASE_URL)')
    .addOption(dataOption())
    .addOption(configOption())
    .action(
      reporting(async ({ to, ...flags }) => {
        process.umask(0o077);
        const { loadConfig } = await import('@mooring/server/core/config/config');
        const { moveStore } = await import('@mooring/server/core/move/move-store');
        const config = loadConfig(flags);
        const { dataFolder } = config;
        // MOORING_DATABASE_URL keeps the password out of the process list.
        const url = to ?? config.databaseUrl;
        if (url === undefined) throw new Error('No target. Specify --to, or set MOORING_DATABASE_URL.');
        const moved = await moveStore({ config, to: url, tell: printLine });
        printLine(
          `Moved ${moved.rows} rows in ${moved.tables} tables to ${moved.to}; ${moved.opened} sealed records verified.`,
        );
        if (moved.unreadable > 0)
          printLine(
            `${moved.unreadable} sealed records cannot be decrypted; they could not be before the move either.`,
          );
        printLine(
          `Start the server with MOORING_DATABASE_URL and --data ${dataFolder}: the folder has the key file, and may have tokens that wait to be stored.`,
        );
        printLine(
          `The server no longer starts on ${dataFolder}/mooring.db. Delete it once you have a backup of the database.`,
        );
      }),
    );
}

function addBackupCommands(program: Command): void {
  program
    .command('backup')
    .description(
      'Back up the embedded store to a new file, also while the server runs; the file contains no key',
    )
    .argument('<file>', 'file to write')
    .requiredOption('--keyring <file>', 'file for the vault keys; replaces the one of the previous backup')
    .addOption(dataOption())
    .addOption(configOption())
    .action(
      reporting(async (archive, { keyring, ...flags }) => {
        process.umask(0o077);
        const { loadConfig } = await import('@mooring/server/core/config/config');
        const { backUp } = await import('@mooring/server/core/backup/back-up');
        const { isProven } = await backUp({ config: loadConfig(flags), archive, keyring });
        printLine(
          `Backup written to ${archive}, vault keys to ${keyring}. Destroy older keyring files, and store the master key separately from both.`,
        );
        if (isProven) return;
        printLine(
          'The backup has no proof of origin, because this version has never been started on the store. Restore it with --unverified.',
        );
      }),
    );

  program
    .command('restore')
    .description(
      'Restore a backup to a new data folder; put the master key there first, or configure it as for serve. Exit code 2: restored, but some data is lost',
    )
    .argument('<file>', 'backup file')
    .addOption(new Option('--keyring <file>', 'keyring file of the latest backup').conflicts('lostKeyring'))
    .option('--lost-keyring', 'restore without a keyring: all sealed data and all API keys are lost')
    .option('--unverified', 'accept a backup without proof of origin')
    .requiredOption('--data <folder>', 'data folder to create; must not contain a store')
    .addOption(configOption())
    .action(
      reporting(async (archive, { keyring, lostKeyring, unverified, ...flags }) => {
        if (keyring === undefined && !lostKeyring) throw new Error('Specify --keyring or --lost-keyring.');
        process.umask(0o077);
        const { loadConfig } = await import('@mooring/server/core/config/config');
        const { restore } = await import('@mooring/server/core/backup/restore');
        const { describeLoss } = await import('@mooring/server/core/opening/unreadable-records');
        const isUnverified = unverified === true;
        const begun = performance.now();
        const losses = await restore({ archive, keyring, isUnverified, config: loadConfig(flags) });
        printLine(`Restored to ${flags.data} in ${Math.round(performance.now() - begun)} ms.`);
        if (isUnverified) {
          printLine(
            'Not verified: the backup has no proof of origin and may have been modified. Before you let users in, check administrators, owners and confirmed destinations.',
          );
        }
        for (const loss of losses) printLine(`Lost: ${describeLoss(loss)}`);
        if (losses.some(({ kind }) => kind === 'bearer-token')) {
          printLine(`Create an API key for the administrator with: mooring admin-key --data ${flags.data}`);
        }
        exitWith(losses.length === 0);
      }),
    );
}
