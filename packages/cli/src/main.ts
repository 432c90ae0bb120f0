import { Command, InvalidArgumentError, Option } from 'commander';
import { endOfNpm } from './parent.js';
import { told } from './told.js';

// People's door on the command line. `serve`, `lab` and `demo` hand over to their packages when they are asked for, so
// that nothing else has to be loaded for them.

/** Settles at the first SIGTERM or SIGINT from now on; a second one ends the process at once. */
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

/** An action whose error is told in one line, with the exit code 1. */
const reporting =
  <Given extends unknown[]>(act: (...given: Given) => Promise<void>) =>
  async (...given: Given): Promise<void> => {
    try {
      await act(...given);
    } catch (error) {
      process.stderr.write(`mooring: ${told(error)}\n`);
      process.exit(1);
    }
  };

const program = new Command('mooring')
  .description(
    'Self-hosted data connections: defined once, shared in a space, used with your own credentials.',
  )
  .version('0.1.0')
  .showHelpAfterError();

program
  .command('serve')
  .description('Start the service')
  .option('--host <address>', 'address to listen on (MOORING_HOST, 127.0.0.1)')
  .option('--port <number>', 'port, 0 for a free one (MOORING_PORT, 8080)')
  .option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)')
  .option('--public-url <url>', 'URL under which people reach it (MOORING_PUBLIC_URL)')
  .option('--config <file>', 'YAML configuration file (MOORING_CONFIG)')
  .option(
    '--runners <number>',
    'processes that work on sources, at the most; 0: none, for debugging only (auto)',
  )
  .action(
    reporting(async (flags) => {
      process.umask(0o077);
      const { runServer } = await import('@mooring/server/start/run');
      // Heard from before the ready line on: whoever waits for that line may send it at once.
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
    'On the machine: make a new API key for the administrator; an embedded store must not be served',
  )
  .option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)')
  .option('--config <file>', 'YAML configuration file (MOORING_CONFIG)')
  .action(
    reporting(async (flags) => {
      process.umask(0o077);
      const { runAdminKey } = await import('@mooring/server/start/run');
      const { token, expiresAt, user } = await runAdminKey(flags);
      printLine(`API key of ${user.name} (${user.subject}), shown this once, until ${expiresAt}: ${token}`);
    }),
  );

program
  .command('lab')
  .description('Start local stand-ins for providers and sources, and print their addresses as one JSON line')
  .action(
    reporting(async () => {
      const { runLab } = await import('@mooring/lab/lab');
      await runLab(printLine);
    }),
  );

program
  .command('demo')
  .description('Walk through the main flows on the lab and a fresh Mooring, then leave both up until Ctrl-C')
  .option('--exit', 'stop everything at the end; the exit code says whether every answer was right')
  .option('--manual', 'go through the interactive sign-in in your own browser')
  .action(
    reporting(async (flags) => {
      const { runDemo } = await import('@mooring/lab/demo/run-demo');
      const command = [process.execPath, process.argv[1] ?? ''];
      process.exit(await runDemo({ ...flags, command, output: process.stdout }));
    }),
  );

function baseUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('It must be an http or https URL, for instance https://mooring.example.com');
}

const urlOption = () =>
  new Option('--url <url>', 'base URL of the server')
    .env('MOORING_URL')
    .argParser(baseUrl)
    .makeOptionMandatory();

/** Never a flag: the arguments of a process can be read by others on the machine. */
function apiKey(): string {
  const key = process.env['MOORING_API_KEY']?.trim();
  if (!key) throw new Error('Set MOORING_API_KEY to your API key.');
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new Error('MOORING_API_KEY is no API key: it holds blanks or characters that none has.');
}

program
  .command('revoke')
  .description(
    'Destroy all credentials of a person, of a source, or all; an API key comes from MOORING_API_KEY',
  )
  .addOption(urlOption())
  .addOption(new Option('--user <id or subject>', 'those of a person').conflicts(['source', 'all']))
  .addOption(new Option('--source <id>', 'those of a data source').conflicts('all'))
  .option('--all', 'all there are')
  .action(
    reporting(async (flags) => {
      if (!flags.user && !flags.source && !flags.all)
        throw new Error('Give one of --user, --source and --all.');
      const { revoke } = await import('./revoke.js');
      process.exitCode = (await revoke({ ...flags, apiKey: apiKey() }, printLine)) ? 0 : 2;
    }),
  );

program
  .command('person')
  .description('Users of a running server; an administrator’s API key comes from MOORING_API_KEY')
  .command('leave')
  .description(
    'End everything that a user who leaves could still use. Exit code 2: some providers are still to be told',
  )
  .argument('<name>', 'id, subject, e-mail address or name of the user')
  .addOption(urlOption())
  .option('--plan', 'change nothing, and say what would end')
  .action(
    reporting(async (name, flags) => {
      const { leave } = await import('./person.js');
      process.exitCode = (await leave({ ...flags, name, apiKey: apiKey() }, printLine)) ? 0 : 2;
    }),
  );

program
  .command('sign-in')
  .description('Sign in for a separated connection; your API key comes from MOORING_API_KEY')
  .addOption(urlOption())
  .requiredOption('--connection <id or name>', 'connection to sign in for')
  .option('--space <id>', 'space of the connection, when it is given by name')
  .addOption(new Option('--device', 'sign in on another device').conflicts('loopback'))
  .option('--loopback', 'take the redirect on this machine; needs a client registered as a native one')
  .action(
    reporting(async (flags) => {
      const { signIn } = await import('./sign-in.js');
      await signIn({ ...flags, apiKey: apiKey() }, { input: process.stdin, output: process.stdout });
    }),
  );

const audit = program.command('audit').description('Look at what is on record');

audit
  .command('verify')
  .description('Prove that the record of uses is whole; an API key comes from MOORING_API_KEY')
  .addOption(urlOption())
  .option('--head <seq:hash>', 'a head that an earlier run printed; it must still be on record')
  .action(
    reporting(async (flags) => {
      const { verifyAudit } = await import('./audit.js');
      process.exitCode = (await verifyAudit({ ...flags, apiKey: apiKey() }, printLine)) ? 0 : 2;
    }),
  );

audit
  .command('export')
  .description('Write the record of uses to standard output as NDJSON; an API key comes from MOORING_API_KEY')
  .addOption(urlOption())
  .option('--from <time>', 'uses that began at that time or later, for instance 2026-01-31T00:00:00Z')
  .option('--to <time>', 'uses that began before that time')
  .action(
    reporting(async (flags) => {
      const { exportAudit } = await import('./audit.js');
      await exportAudit({ ...flags, apiKey: apiKey() }, process.stdout);
    }),
  );

const keys = program
  .command('keys')
  .description(
    'Keys of the vault of a running server; an administrator’s API key comes from MOORING_API_KEY',
  );

keys
  .command('list')
  .description('Show the keys, and how far a rotation has come')
  .addOption(urlOption())
  .action(
    reporting(async (flags) => {
      const { listKeys } = await import('./keys.js');
      await listKeys({ ...flags, apiKey: apiKey() }, printLine);
    }),
  );

keys
  .command('rotate')
  .description('Seal under a new key; what is there follows in the background')
  .addOption(urlOption())
  .action(
    reporting(async (flags) => {
      const { rotateKey } = await import('./keys.js');
      await rotateKey({ ...flags, apiKey: apiKey() }, printLine);
    }),
  );

keys
  .command('retire')
  .description('Destroy a previous key that nothing is under any more')
  .argument('<id>', 'id of the key, as the list shows it')
  .addOption(urlOption())
  .action(
    reporting(async (id, flags) => {
      const { retireKey } = await import('./keys.js');
      await retireKey({ ...flags, id, apiKey: apiKey() }, printLine);
    }),
  );

keys
  .command('shred')
  .description(
    'Make sure that what was deleted opens in no backup: rotate, wait, and destroy all previous keys',
  )
  .addOption(urlOption())
  .action(
    reporting(async (flags) => {
      const { shredKeys } = await import('./keys.js');
      await shredKeys({ ...flags, apiKey: apiKey() }, printLine);
    }),
  );

const configOption = () =>
  new Option('--config <file>', 'configuration file that names a key service (MOORING_CONFIG)');

program
  .command('backup')
  .description('Copy the embedded store to a new file, also while it is served; no key is in it')
  .argument('<file>', 'file to write')
  .requiredOption('--keyring <file>', 'file for the keys of the vault; it replaces that of the backup before')
  .option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)')
  .addOption(configOption())
  .action(
    reporting(async (archive, { keyring, ...flags }) => {
      process.umask(0o077);
      const { loadConfig } = await import('@mooring/server/core/config/config');
      const { backUp } = await import('@mooring/server/core/backup/back-up');
      const { isProven } = await backUp({ config: loadConfig(flags), archive, keyring });
      printLine(
        `Written to ${archive}, and its keys to ${keyring}. Keep no older keyring, and keep the master key apart from both.`,
      );
      if (isProven) return;
      printLine('This version was never started on the store, so the archive has no proof of who wrote it.');
    }),
  );

program
  .command('restore')
  .description(
    'Make a data folder from a backup; put the master key there first, or name it as for serve. Exit code 2: restored, and some of it is lost',
  )
  .argument('<file>', 'backup')
  .addOption(
    new Option('--keyring <file>', 'keys of the vault, as the latest backup wrote them').conflicts(
      'lostKeyring',
    ),
  )
  .option(
    '--lost-keyring',
    'there is no keyring any more: all that is sealed is lost, and so are all API keys',
  )
  .option('--unverified', 'take an archive that nothing proves to be as mooring backup wrote it')
  .requiredOption('--data <folder>', 'data folder to make; it must hold no store')
  .addOption(configOption())
  .action(
    reporting(async (archive, { keyring, lostKeyring, unverified, ...flags }) => {
      if (keyring === undefined && !lostKeyring) throw new Error('Give --keyring, or --lost-keyring.');
      process.umask(0o077);
      const { restoreBackup } = await import('./restore.js');
      const request = { archive, keyring, isUnverified: unverified === true };
      process.exitCode = (await restoreBackup(flags, request, printLine)) ? 0 : 2;
    }),
  );

program
  .command('move')
  .description(
    'Move the embedded store to an empty PostgreSQL database, while nobody serves it; run it again when it was cut off',
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
  .description('Check public URL and redirects of a running server; an API key comes from MOORING_API_KEY')
  .addOption(urlOption())
  .option('--config <file>', 'configuration file to check as well (MOORING_CONFIG)')
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
