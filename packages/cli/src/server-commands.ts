import type { Command } from 'commander';
import { dataOption, loadLab, printLine, reporting } from './command.js';

// Commands that start something on this machine and keep it running.

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

const parentPollMs = 500;

/**
 * Under npm: resolves when the parent process is gone. `npx` sends signals to a shell that does not forward them, which
 * would leave the server orphaned. Otherwise never resolves, so that a server can outlive its terminal.
 */
function endOfNpm(): Promise<void> {
  if (process.env['npm_lifecycle_event'] === undefined) return new Promise(() => {});
  const parent = process.ppid;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve();
    }, parentPollMs).unref();
  });
}

async function serve(flags: object): Promise<void> {
  process.umask(0o077);
  const { runServer } = await import('@mooring/server/start/run');
  // Before the ready line: a supervisor may send the signal as soon as it sees that line.
  const signalled = firstSignal();
  const running = await runServer(flags);
  const failure = await Promise.race([signalled, running.failed, endOfNpm()]);
  if (failure) throw failure;
  await running.close();
  process.exit(0);
}

export function addServerCommands(program: Command): void {
  program
    .command('serve')
    .description('Start the server')
    .option('--host <address>', 'address to listen on (MOORING_HOST, 127.0.0.1)')
    .option('--port <number>', 'port; 0 picks a free one (MOORING_PORT, 8080)')
    .addOption(dataOption())
    .option('--public-url <url>', 'URL at which users reach the server (MOORING_PUBLIC_URL)')
    .option('--config <file>', 'YAML configuration file (MOORING_CONFIG)')
    .option(
      '--runners <number>',
      'maximum number of runner processes; 0 runs connectors in the server, for debugging only (auto)',
    )
    .action(reporting(serve));

  program
    .command('lab')
    .description(
      'Start local stand-ins for providers and sources, and print their addresses as one line of JSON',
    )
    .action(
      reporting(async () => {
        const { runLab } = await loadLab('lab', () => import('@mooring/lab/lab'));
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
        const { runDemo } = await loadLab('demo', () => import('@mooring/lab/demo/run-demo'));
        const command = [process.execPath, process.argv[1] ?? ''];
        process.exit(await runDemo({ ...flags, command, output: process.stdout }));
      }),
    );
}
