import { Command, InvalidArgumentError, Option } from 'commander';
import { errorLine } from './error-line.js';
import { endOfNpm } from './parent.js';

// The `mooring` command. Commands import their packages on demand, to keep the start of the others fast.

/** Resolves at the next SIGTERM or SIGINT; a second one exits the process immediately. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.once('SIGTERM', () => process.exit(1));
      process.once('SIGINT', () => process.exit(1));
      resolve();
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
}

const printLine = (line: string) => process.stdout.write(`${line}\n`);

/** Wraps an action: an error is printed in one line and exits with code 1. */
const reporting =
  <Given extends unknown[]>(act: (...given: Given) => Promise<void>) =>
  async (...given: Given): Promise<void> => {
    try {
      await act(...given);
    } catch (error) {
      process.stderr.write(`mooring: ${errorLine(error)}\n`);
      process.exit(1);
    }
  };

const program = new Command('mooring')
  .description('Self-hosted data connections: define once, share in a space, use with your own credentials.')
  .version('0.1.0')
  .showHelpAfterError();

program
  .command('serve')
  .description('Start the server')
  .option('--host <address>', 'address to listen on (MOORING_HOST, 127.0.0.1)')
  .option('--port <number>', 'port; 0 picks a free one (MOORING_PORT, 8080)')
  .option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)')
  .option('--public-url <url>', 'URL at which users reach the server (MOORING_PUBLIC_URL)')
  .option('--config <file>', 'YAML configuration file (MOORING_CONFIG)')
  .option(
    '--runners <number>',
    'maximum number of runner processes; 0 runs connectors in the server, for debugging only (auto)',
  )
  .action(
    reporting(async (flags) => {
      process.umask(0o077);
      const { runServer } = await import('@mooring/server/start/run');
      // Before the ready line: a supervisor may send the signal as soon as it sees that line.
      const signalled = firstSignal();
      const running = await runServer(flags);
      const failure = await Promise.race([signalled, running.failed, endOfNpm()]);
      if (failure) throw failure;
      await running.close();
      process.exit(0);
    }),
  );

program
  .command('admin-key')
  .description(
    'Create a new API key for the first administrator, on the server itself; stop a server with an embedded store first',
  )
  .option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)')
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

program
  .command('lab')
  .description(
    'Start local stand-ins for providers and sources, and print their addresses as one line of JSON',
  )
  .action(
    reporting(async () => {
      const { runLab } = await import('@mooring/lab/lab');
      await runLab(printLine);
    }),
  );

program
  .command('demo')
  .description(
    'Walk through the main flows on the lab and a new Mooring server, then keep both running until Ctrl-C',
  )
  .option('--exit', 'stop everything at the end; the exit code is 0 if every answer was correct')
  .option('--manual', 'use your own browser for the interactive sign-in')
  .action(
    reporting(async (flags) => {
      const { runDemo } = await import('@mooring/lab/demo/run-demo');
      const command = [process.execPath, process.argv[1] ?? ''];
      process.exit(await runDemo({ ...flags, command, output: process.stdout }));
    }),
  );

function baseUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('It must be an http or https URL, for example https://mooring.example.com');
}

const urlOption = () =>
  new Option('--url <url>', 'base URL of the server')
    .env('MOORING_URL')
    .argParser(baseUrl)
    .makeOptionMandatory();

/** From the environment, never a flag: other users of the machine can read the arguments of a process. */
function apiKey(): string {
  const key = process.env['MOORING_API_KEY']?.trim();
  if (!key) throw new Error('Set MOORING_API_KEY to your API key.');
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new Error(
    'MOORING_API_KEY is not a valid API key: it has spaces or other characters that do not occur in keys.',
  );
}

program
  .command('revoke')
  .description(
    'Destroy all credentials of a user, of a data source, or of the tenant; reads the API key from MOORING_API_KEY',
  )
  .addOption(urlOption())
  .addOption(new Option('--user <id or subject>', 'credentials of a user').conflicts(['source', 'all']))
  .addOption(new Option('--source <id>', 'credentials of a data source').conflicts('all'))
  .option('--all', 'all credentials of the tenant')
  .action(
    reporting(async (flags) => {
      if (!flags.user && !flags.source && !flags.all)
        throw new Error('Specify one of --user, --source and --all.');
      const { revoke } = await import('./revoke.js');
      process.exitCode = (await revoke({ ...flags, apiKey: apiKey() }, printLine)) ? 0 : 2;
    }),
  );

program
  .command('person')
  .description('Manage the users of a running server; reads an administrator’s API key from MOORING_API_KEY')
  .command('leave')
  .description(
    'Offboard a user: end everything they could still use. Exit code 2: not all grants are revoked at their providers yet',
  )
  .argument('<name>', 'id, subject, e-mail address or name of the user')
  .addOption(urlOption())
  .option('--plan', 'dry run: change nothing and show what would end')
  .action(
    reporting(async (name, flags) => {
      const { leave } = await import('./leave.js');
      process.exitCode = (await leave({ ...flags, name, apiKey: apiKey() }, printLine)) ? 0 : 2;
    }),
  );

program
  .command('sign-in')
  .description('Sign in for a separated connection; reads your API key from MOORING_API_KEY')
  .addOption(urlOption())
  .requiredOption('--connection <id or name>', 'the connection')
  .option('--space <id>', 'space of a connection that is given by name; default: your own connections')
  .addOption(new Option('--device', 'sign in on another device').conflicts('loopback'))
  .option(
    '--loopback',
    'receive the redirect on this machine; requires an OAuth client registered as a native application',
  )
  .action(
    reporting(async (flags) => {
      const { signIn } = await import('./sign-in.js');
      await signIn({ ...flags, apiKey: apiKey() }, { input: process.stdin, output: process.stdout });
    }),
  );

const audit = program.command('audit').description('Verify and export the usage log');

audit
  .command('verify')
  .description('Verify that the usage log is intact; reads the API key from MOORING_API_KEY')
  .addOption(urlOption())
  .option('--head <seq:hash>', 'a head that an earlier run printed; the log must still contain it')
  .action(
    reporting(async (flags) => {
      const { verifyAudit } = await import('./audit.js');
      process.exitCode = (await verifyAudit({ ...flags, apiKey: apiKey() }, printLine)) ? 0 : 2;
    }),
  );

audit
  .command('export')
  .description('Write the usage log to standard output as NDJSON; reads the API key from MOORING_API_KEY')
  .addOption(urlOption())
  .option('--from <time>', 'uses that started at or after this time, for example 2026-01-31T00:00:00Z')
  .option('--to <time>', 'uses that started before this time')
  .action(
    reporting(async (flags) => {
      const { exportAudit } = await import('./audit.js');
      await exportAudit({ ...flags, apiKey: apiKey() }, process.stdout);
    }),
  );

const keys = program
  .command('keys')
  .description(
    'Manage the vault keys of a running server; reads an administrator’s API key from MOORING_API_KEY',
  );

keys
  .command('list')
  .description('List the vault keys, with the progress of a rotation')
  .addOption(urlOption())
  .action(
    reporting(async (flags) => {
      const { listKeys } = await import('./keys.js');
      await listKeys({ ...flags, apiKey: apiKey() }, printLine);
    }),
  );

keys
  .command('rotate')
  .description('Encrypt under a new key; existing records are re-encrypted in the background')
  .addOption(urlOption())
  .action(
    reporting(async (flags) => {
      const { rotateKey } = await import('./keys.js');
      await rotateKey({ ...flags, apiKey: apiKey() }, printLine);
    }),
  );

keys
  .command('retire')
  .description('Destroy a previous key that no longer encrypts any record')
  .argument('<id>', 'id of the key, from mooring keys list')
  .addOption(urlOption())
  .action(
    reporting(async (id, flags) => {
      const { retireKey } = await import('./keys.js');
      await retireKey({ ...flags, id, apiKey: apiKey() }, printLine);
    }),
  );

keys
  .command('shred')
  .description('Crypto-erase deleted records, in backups too: rotate, wait, and destroy all previous keys')
  .addOption(urlOption())
  .action(
    reporting(async (flags) => {
      const { shredKeys } = await import('./keys.js');
      await shredKeys({ ...flags, apiKey: apiKey() }, printLine);
    }),
  );

const configOption = () =>
  new Option('--config <file>', 'configuration file, if it names a key service (MOORING_CONFIG)');

program
  .command('backup')
  .description(
    'Back up the embedded store to a new file, also while the server runs; the file contains no key',
  )
  .argument('<file>', 'file to write')
  .requiredOption('--keyring <file>', 'file for the vault keys; replaces the one of the previous backup')
  .option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)')
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
      const { restoreBackup } = await import('./restore.js');
      const request = { archive, keyring, isUnverified: unverified === true };
      process.exitCode = (await restoreBackup(flags, request, printLine)) ? 0 : 2;
    }),
  );

program
  .command('move')
  .description(
    'Move the embedded store to an empty PostgreSQL database, while the server is stopped; run it again after an interruption',
  )
  .option('--to <url>', 'postgres://user:password@host:port/database (MOORING_DATABASE_URL)')
  .option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)')
  .addOption(configOption())
  .action(
    reporting(async ({ to, ...flags }) => {
      process.umask(0o077);
      const { moveToDatabase } = await import('./move.js');
      await moveToDatabase(flags, to, printLine);
    }),
  );

program
  .command('doctor')
  .description(
    'Check configuration, public URL, redirect URIs and runners of a running server; reads the API key from MOORING_API_KEY',
  )
  .addOption(urlOption())
  .option('--config <file>', 'configuration file to check too (MOORING_CONFIG)')
  .action(
    reporting(async (flags) => {
      const { loadConfig } = await import('@mooring/server/core/config/config');
      const { oauth } = loadConfig(flags.config === undefined ? {} : { config: flags.config });
      printLine(`Configuration: valid, ${Object.keys(oauth.clients).length} OAuth clients.`);
      const { examine } = await import('./doctor.js');
      const isWell = await examine({ url: flags.url, apiKey: apiKey() }, printLine);
      process.exitCode = isWell ? 0 : 2;
    }),
  );

await program.parseAsync();
