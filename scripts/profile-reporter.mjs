import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const shown = 50;
const keptFrom = 5;
const seconds = (ms) => Math.round(ms / 100) / 10;

/**
 * Prints where a run spent its time: the slowest files, their CPU time including child processes, the time of their imports,
 * and the number of processes they started.
 */
export default class ProfileReporter {
  #startedAt = performance.now();

  onTestRunEnd(modules) {
    const starts = new Map();
    const processorMs = new Map();
    for (const line of readFileSync(process.env.TEST_PROFILE, 'utf8').split('\n').filter(Boolean)) {
      const told = JSON.parse(line);
      if ('processorMs' in told) processorMs.set(told.file, told.processorMs);
      else starts.set(told.file, (starts.get(told.file) ?? 0) + 1);
    }
    const files = modules.map((module) => {
      const { duration, collectDuration, setupDuration } = module.diagnostic();
      return {
        name: `${module.project.name} > ${path.relative(process.cwd(), module.moduleId)}`,
        total: duration + collectDuration + setupDuration,
        processor: processorMs.get(`${module.project.name} ${module.moduleId}`) ?? 0,
        imports: collectDuration,
        starts: starts.get(module.moduleId) ?? 0,
      };
    });
    files.sort((a, b) => b.total - a.total);
    const sum = (what) => files.reduce((total, file) => total + file[what], 0);
    const rows = files
      .slice(0, shown)
      .map(
        ({ name, total, processor, imports, starts: count }) =>
          `${String(seconds(total)).padStart(8)} ${String(seconds(processor)).padStart(10)} ${String(seconds(imports)).padStart(8)} ${String(count).padStart(7)}  ${name}`,
      );
    const allStarts = [...starts.values()].reduce((total, count) => total + count, 0);
    process.stdout.write(
      [
        '',
        '       s  processor  imports  starts  file',
        ...rows,
        '',
        `${files.length} files, ${seconds(sum('total'))} s in all, ${seconds(sum('processor'))} s of processor time, ${seconds(sum('imports'))} s of imports, ${allStarts} processes started, ${seconds(performance.now() - this.#startedAt)} s by the clock`,
        '',
      ].join('\n'),
    );
    if (process.env.TEST_PROFILE_KEEP) this.#keep(files);
  }

  #keep(files) {
    const place = new URL('test-weights.json', import.meta.url);
    const weights = JSON.parse(readFileSync(place, 'utf8'));
    const dear = files.filter(({ total }) => total >= keptFrom * 1000);
    weights[process.env.TEST_TIER ?? 'quick'] = Object.fromEntries(
      dear.map(({ name, total }) => [name, Math.round(total / 1000)]),
    );
    writeFileSync(place, `${JSON.stringify(weights, undefined, 2)}\n`);
  }
}
