import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { executable } from './product.js';

/**
 * Runs the `mooring` command in a separate process, with only the key in its environment.
 * @returns `ended`: exit code and all output; `shows`: waits for the first group of a pattern in the output
 */
export function runCommand(args: readonly string[], key: string | undefined) {
  const child: ChildProcess = spawn(process.execPath, [executable, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...(key === undefined ? {} : { MOORING_API_KEY: key }) },
  });
  let output = '';
  const waiting: { pattern: RegExp; resolve: (match: string) => void }[] = [];
  const take = (chunk: Buffer) => {
    output += chunk.toString();
    for (const each of waiting) {
      const found = each.pattern.exec(output)?.[1];
      if (found !== undefined) each.resolve(found);
    }
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, output }));
  return {
    ended,
    shows: (pattern: RegExp) =>
      Promise.race([
        new Promise<string>((resolve) => {
          waiting.push({ pattern, resolve });
          take(Buffer.alloc(0));
        }),
        ended.then(({ code }) => {
          throw new Error(`It ended with ${code}:\n${output}`);
        }),
      ]),
  };
}
