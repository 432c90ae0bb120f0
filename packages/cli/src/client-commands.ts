import type { ApiClient } from '@mooring/contract/client';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { exitWith, printLine, reporting } from './command.js';

// Commands on a running server, through its API.

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

/** A command on a running server. */
const remote = (parent: Command, name: string, description: string) =>
  parent.command(name).description(description).addOption(urlOption());

async function connect({ url }: { url: string }): Promise<ApiClient> {
  const token = apiKey();
  const { createApiClient } = await import('@mooring/contract/client');
  return createApiClient({ url, token });
}

export function addClientCommands(program: Command): void {
  addOffboardingCommands(program);
  remote(program, 'sign-in', 'Sign in for a separated connection; reads your API key from MOORING_API_KEY')
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
        await signIn(await connect(flags), flags, { input: process.stdin, output: process.stdout });
      }),
    );
  addAuditCommands(program.command('audit').description('Verify and export the usage log'));
  addKeysCommands(
    program
      .command('keys')
      .description(
        'Manage the vault keys of a running server; reads an administrator’s API key from MOORING_API_KEY',
      ),
  );
  remote(
    program,
    'doctor',
    'Check configuration, public URL, redirect URIs and runners of a running server; reads the API key from MOORING_API_KEY',
  )
    .option('--config <file>', 'configuration file to check too (MOORING_CONFIG)')
    .action(
      reporting(async (flags) => {
        const { loadConfig } = await import('@mooring/server/core/config/config');
        const { oauth } = loadConfig(flags.config === undefined ? {} : { config: flags.config });
        printLine(`Configuration: valid, ${Object.keys(oauth.clients).length} OAuth clients.`);
        const { examine } = await import('./doctor.js');
        exitWith(await examine(await connect(flags), printLine));
      }),
    );
}

function addOffboardingCommands(program: Command): void {
  remote(
    program,
    'revoke',
    'Destroy all credentials of a user, of a data source, or of the tenant; reads the API key from MOORING_API_KEY',
  )
    .addOption(new Option('--user <id or subject>', 'credentials of a user').conflicts(['source', 'all']))
    .addOption(new Option('--source <id>', 'credentials of a data source').conflicts('all'))
    .option('--all', 'all credentials of the tenant')
    .action(
      reporting(async (flags) => {
        if (!flags.user && !flags.source && !flags.all)
          throw new Error('Specify one of --user, --source and --all.');
        const { revoke } = await import('./revoke.js');
        exitWith(await revoke(await connect(flags), flags, printLine));
      }),
    );

  program
    .command('person')
    .description(
      'Manage the users of a running server; reads an administrator’s API key from MOORING_API_KEY',
    )
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
        exitWith(await leave(await connect(flags), { ...flags, name }, printLine));
      }),
    );
}

function addAuditCommands(audit: Command): void {
  remote(audit, 'verify', 'Verify that the usage log is intact; reads the API key from MOORING_API_KEY')
    .option('--head <seq:hash>', 'a head that an earlier run printed; the log must still contain it')
    .action(
      reporting(async (flags) => {
        const { verifyAudit } = await import('./audit.js');
        exitWith(await verifyAudit(await connect(flags), flags.head, printLine));
      }),
    );

  remote(
    audit,
    'export',
    'Write the usage log to standard output as NDJSON; reads the API key from MOORING_API_KEY',
  )
    .option('--from <time>', 'uses that started at or after this time, for example 2026-01-31T00:00:00Z')
    .option('--to <time>', 'uses that started before this time')
    .action(
      reporting(async (flags) => {
        const { exportAudit } = await import('./audit.js');
        await exportAudit(await connect(flags), flags, process.stdout);
      }),
    );
}

function addKeysCommands(keys: Command): void {
  remote(keys, 'list', 'List the vault keys, with the progress of a rotation').action(
    reporting(async (flags) => {
      const { listKeys } = await import('./keys.js');
      await listKeys(await connect(flags), printLine);
    }),
  );

  remote(
    keys,
    'rotate',
    'Encrypt under a new key; existing records are re-encrypted in the background',
  ).action(
    reporting(async (flags) => {
      const { rotateKey } = await import('./keys.js');
      await rotateKey(await connect(flags), printLine);
    }),
  );

  remote(keys, 'retire', 'Destroy a previous key that no longer encrypts any record')
    .argument('<id>', 'id of the key, from mooring keys list')
    .action(
      reporting(async (id, flags) => {
        const { retireKey } = await import('./keys.js');
        await retireKey(await connect(flags), id, printLine);
      }),
    );

  remote(
    keys,
    'shred',
    'Crypto-erase deleted records, in backups too: rotate, wait, and destroy all previous keys',
  ).action(
    reporting(async (flags) => {
      const { shredKeys } = await import('./keys.js');
      await shredKeys(await connect(flags), printLine);
    }),
  );
}
