import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The part of a V8 CPU profile (`--cpu-prof`) that is read here; times in microseconds. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

/** Location of a function, relative to the checkout. */
function placeOf(url: string): string {
  const library = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return (
    library ?? /packages\/(.+)\.js$/.exec(url)?.[1]?.replace('/dist/', '/') ?? (url || 'V8 and native code')
  );
}

/** Microseconds by name, without idle time. */
function timesBy(profile: CpuProfile, nameOf: (frame: CpuProfile['nodes'][number]['callFrame']) => string) {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    if (!frame || frame.functionName === '(idle)') continue;
    const name = nameOf(frame);
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  return times;
}

function top(times: Map<string, number>, count: number): string {
  const sum = [...times.values()].reduce((total, time) => total + time, 0);
  const lines = [...times].toSorted(([, a], [, b]) => b - a).slice(0, count);
  return lines.map(([name, time]) => `| ${((time / sum) * 100).toFixed(1)} % | ${name} |`).join('\n');
}

/** Self time by library and by function, of the newest profile in the folder, as two Markdown tables. */
export function summariseProfile(folder: string): string {
  const file = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .toSorted()
    .at(-1);
  if (!file) return `No profile was written to ${folder}.`;
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
  const byPlace = timesBy(profile, ({ url }) => placeOf(url));
  const byFunction = timesBy(
    profile,
    (frame) => `${frame.functionName || '(anonymous)'}, ${placeOf(frame.url)}`,
  );
  const head = (name: string) => `| self time | ${name} |\n| --- | --- |`;
  return `${head('where')}\n${top(byPlace, 15)}\n\n${head('function')}\n${top(byFunction, 20)}`;
}
