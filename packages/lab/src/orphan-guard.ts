import { spawn } from 'node:child_process';

/**
 * Kills a child process and removes its folder when this process dies without cleaning up (kill -9, a timeout of the test
 * runner): a shell waits for end of file on a pipe that only this process holds open.
 * @param child.signal a signal that ends the child at once; PostgreSQL waits for its clients on SIGTERM, MariaDB ignores SIGINT
 * @returns a function to call after the child has ended normally, before its pid can be reused
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
