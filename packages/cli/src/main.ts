// The `mooring` command. Commands import their packages on demand, to keep the start of the others fast.
import { version } from '@mooring/contract/version';
import { Command } from 'commander';
import { addClientCommands } from './client-commands.js';
import { addServerCommands } from './server-commands.js';
import { addStoreCommands } from './store-commands.js';

const program = new Command('mooring')
  .description('Self-hosted data connections: define once, share in a space, use with your own credentials.')
  .version(version)
  .showHelpAfterError();

addServerCommands(program);
addStoreCommands(program);
addClientCommands(program);

await program.parseAsync();
