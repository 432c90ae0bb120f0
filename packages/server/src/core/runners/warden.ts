import { type ChildProcess, spawn } from 'node:child_process';

// A runner whose loop never turns does not see that its service is gone, and a thread that sees it would have to be
// allowed, which undoes Node's permission model. So one process beside them, which nothing but this service speaks to,
// ends what is left.

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

/** Ends the process when this one is gone. @returns to be called once it has ended, before its pid is another's */
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
