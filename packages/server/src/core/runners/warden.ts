import { type ChildProcess, spawn } from 'node:child_process';

// A runner with a blocked event loop does not notice that its server is gone. A thread that notices would need a
// permission that undoes Node's permission model. So one separate process, which only this server talks to, kills the
// remaining runners.

const program = `
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
const pids = new Set();
let text = '';
process.stdin.setEncoding('latin1').on('data', (data) => {
  const lines = (text + data).split('\\n');
  text = lines.pop();
  for (const line of lines) line[0] === '+' ? pids.add(+line.slice(1)) : pids.delete(+line.slice(1));
});
process.stdin.on('close', () => {
  for (const pid of pids) try { process.kill(pid, 'SIGKILL'); } catch {}
});
`;
const memory = ['--max-old-space-size=16', '--max-semi-space-size=1'];

const pids = new Set<number>();
let warden: ChildProcess | undefined;

function startWarden(): ChildProcess {
  const child = spawn(process.execPath, [...memory, '--eval', program], {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const forget = () => {
    if (warden === child) warden = undefined;
  };
  child.on('error', forget).on('exit', forget);
  child.stdin?.on('error', forget);
  child.unref();
  for (const pid of pids) child.stdin?.write(`+${pid}\n`);
  return child;
}

/** Kills the process when this one is gone. @returns call it once the process has ended, before its pid is reused */
export function endWithThis(pid: number): () => void {
  if (warden) warden.stdin?.write(`+${pid}\n`);
  pids.add(pid);
  warden ??= startWarden();
  return () => {
    pids.delete(pid);
    warden?.stdin?.write(`-${pid}\n`);
    if (pids.size > 0) return;
    warden?.stdin?.end();
    warden = undefined;
  };
}
