import { spawn } from 'node:child_process';

/**
 * Ends a child process and removes its folder when this process dies without a chance to clean up (kill -9,
 * a test runner's timeout): a shell waits for end of file on a pipe that only this process holds open.
 * @param child.signal the signal that ends the child at once: PostgreSQL waits for its clients on SIGTERM,
 * MariaDB ignores SIGINT.
 * @returns Call it after the orderly end of the child, before its pid can be used again.
 */
export function guardAgainstOrphan(
  child: { pid: number; signal: 'INT' | 'TERM' },
  folder: string | null,
): () => void {
  const script = [
    'read -r _',
    'kill "-$2" "$1" 2>/dev/null',
    'while kill -0 "$1" 2>/dev/null; do sleep 0.1; done',
    '[ -z "$3" ] || rm -rf -- "$3"',
  ];
  const args = ['orphan-guard', String(child.pid), child.signal, folder ?? ''];
  const guard = spawn('/bin/sh', ['-c', script.join('\n'), ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.once('error', () => undefined);
  guard.stdin?.once('error', () => undefined);
  return () => {
    guard.kill('SIGKILL');
    guard.stdin?.destroy();
  };
}
