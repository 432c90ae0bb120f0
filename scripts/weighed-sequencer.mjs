import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BaseSequencer } from 'vitest/node';

/** Seconds of the slowest files, `{[tier]: {[project > file]: seconds}}`, from `npm run test:profile -- --keep`. */
const weightsFile = new URL('test-weights.json', import.meta.url);

/** Assumed seconds of any other file. */
const otherwise = 2;

const weights = JSON.parse(readFileSync(weightsFile, 'utf8'))[process.env.TEST_TIER ?? 'quick'] ?? {};

const weightOf = ({ project, moduleId }) =>
  weights[`${project.name} > ${path.relative(process.cwd(), moduleId)}`] ?? otherwise;

/** Projects with the slowest files first; the many short files of the last one keep all workers busy until the end. */
const order = ['with runners', 'processes', 'PostgreSQL store', 'embedded store'];

/**
 * One project after another, because a worker keeps its modules, which take seconds to load, only while the next file belongs to
 * the same project; within a project, slow files first. Shards have equal weight.
 */
export class WeighedSequencer extends BaseSequencer {
  async sort(files) {
    const sorted = await super.sort(files);
    const place = ({ project }) => order.indexOf(project.name);
    return sorted.toSorted((a, b) => place(a) - place(b) || weightOf(b) - weightOf(a));
  }

  async shard(files) {
    const { index, count } = this.ctx.config.shard;
    const shards = Array.from({ length: count }, () => ({ weight: 0, files: [] }));
    const key = (file) => `${file.project.name} ${file.moduleId}`;
    const byWeight = files.toSorted((a, b) => weightOf(b) - weightOf(a) || (key(a) < key(b) ? -1 : 1));
    for (const file of byWeight) {
      const lightest = shards.reduce((least, one) => (one.weight < least.weight ? one : least));
      lightest.weight += weightOf(file);
      lightest.files.push(file);
    }
    return shards[index - 1].files;
  }
}
