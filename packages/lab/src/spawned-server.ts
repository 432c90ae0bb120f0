import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ServerProgram {
  /** As its users call it, for errors. */
  name: string;
  /** Program and arguments; it stays in the foreground. */
  command: readonly string[];
  options?: SpawnOptions;
  /** Whether the log on standard error says that it serves. @throws Error when the log says that it will not */
  isReady(log: string): boolean;
}

/** Starts a server and waits until it serves. @throws Error with the end of its log when it does not */
export async function spawnServer({ name, command, options, isReady }: ServerProgram): Promise<ChildProcess> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${name} did not start: ${log.slice(-2_000)}`)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-16_000);
      try {
        if (isReady(log)) resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
  return child;
}

/** Ends a server by a signal, and waits for its exit. Idempotent. */
export async function endServer(child: ChildProcess, signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
