// The program of a runner: executes uses that the server sends over the pipe, and ends with the pipe. It has neither
// keys nor the store, so data of a source can end only the runner itself.
import { writeSync } from 'node:fs';
import { hideSecrets } from '@mooring/connectors/kit/secret-fields';
import { strayed } from '@mooring/connectors/kit/session/session-scope';
import { manifests, sourceOf } from '@mooring/connectors/registry';
import { createGate, type Gate } from '../egress/gate.js';
import { openPipe } from '../egress/inherited-pipe.js';
import { createPolicy, type EgressSettings } from '../egress/policy.js';
import { framesOf } from '../errors/error-frames.js';
import { exitCodes } from './endings.js';
import { type ServedUse, serveUse } from './served-use.js';
import { ownMemoryBytes } from './usage.js';
import { framesMax, type Order, pipeFd, speak, turnedMs } from './wire.js';

/** Memory limit in megabytes, from the server. */
const memoryBytesMax = Number(process.argv[2]) * 1024 * 1024;
/** Memory shared with all processes of the same program, which does not count. */
const sharedBytes = process.memoryUsage.rss() - (ownMemoryBytes() ?? 0);
const byId = new Map(manifests.map((manifest) => [manifest.id, manifest]));
const uses = new Map<number, ServedUse>();
const gates = new Map<string, Gate>();
let turning: NodeJS.Timeout | undefined;

const pipe = openPipe(pipeFd);
const wire = speak(pipe, { message: (message) => obey(message as Order), credit }, () => process.exit(0));

function tell(error: unknown): void {
  // The error's name may come from the source too.
  const name = error instanceof Error ? error.constructor.name : typeof error;
  writeSync(2, `${JSON.stringify({ name, frames: framesOf(error).slice(0, framesMax) })}\n`);
}

/** An uncaught error of a driver ends its session. Any other may belong to any use, so all of them end. */
function failOn(error: unknown): void {
  tell(error);
  if (!strayed(error)) process.exit(exitCodes.failure);
  wire.report({ kind: 'strayed' });
}

function gateUnder(egress: EgressSettings): Gate {
  const key = JSON.stringify(egress);
  const found = gates.get(key);
  if (found) return found;
  const gate = createGate({
    policy: createPolicy(egress),
    onRefused: (refusal) => wire.report({ kind: 'refused', refusal }),
  });
  gates.set(key, gate);
  return gate;
}

function start(order: Extract<Order, { kind: 'start' }>): void {
  turning ??= setInterval(() => wire.report({ kind: 'turned' }), turnedMs);
  const { plan } = order;
  const manifest = byId.get(plan.sourceId);
  if (!manifest) throw new Error('The server named a data source that this runner does not have.');
  const login = { ...plan.login, fields: hideSecrets(manifest, plan.login.fields) };
  const use = serveUse(
    { ...order, plan: { ...plan, login } },
    {
      wire,
      gate: gateUnder(order.egress),
      source: sourceOf,
      checkMemory() {
        if (process.memoryUsage.rss() - sharedBytes > memoryBytesMax) process.exit(exitCodes.memory);
      },
    },
  );
  uses.set(order.use, use);
  void use.ended.then(() => {
    uses.delete(order.use);
    if (uses.size > 0) return;
    clearInterval(turning);
    turning = undefined;
  });
}

function obey(order: Order): void {
  if (order.kind === 'start') start(order);
  else if (order.kind === 'cancel') uses.get(order.use)?.cancel(order.reason);
  else uses.get(order.use)?.answered(order);
}

function credit(use: number, bytes: number): void {
  uses.get(use)?.credit(bytes);
}

if (process.report) {
  process.report.reportOnFatalError = false;
  process.report.reportOnSignal = false;
  process.report.reportOnUncaughtException = false;
}
// A signal to the process group (Ctrl-C, a service manager) is for the server, which ends its runners last.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
  process.on(signal, () => undefined);
process.on('uncaughtException', failOn);
process.on('unhandledRejection', failOn);
pipe.on('close', () => process.exit(0));
pipe.on('error', () => process.exit(0));
wire.report({ kind: 'ready' });
