import type { JobService } from '../jobs/service.js';
import { browse, describe, placeOf } from './browse.js';
import { dryRun, QueryJob } from './job.js';
import type { Project } from './project.js';
import { readTable } from './tables.js';

/** BigQuery's REST API for a project. @param account as which the login signs in, if that is known */
export const bigQuery = (project: Project, account?: string): JobService => ({
  async ping(call) {
    await project.api({ path: '/datasets', query: { maxResults: 1 } }, call);
    return account === undefined ? {} : { account };
  },
  browse: (request, call) => browse(project, request, call),
  describe: (target, call) => describe(project, target, call),
  async read(request, call) {
    const { target } = request;
    if ('path' in target) return readTable(project, placeOf(target.path), request, call);
    const { fields } = await dryRun(project, target, call);
    return new QueryJob(project, target, request, fields.length);
  },
});
