import { line, property } from '../../interface/fields.js';

/** Besides those of `declaredSource`. */
export const own = {
  organization: property(line(39).regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, 'must be an organization’s name'), {
    title: 'Organization',
    description: 'Lists the repositories of this organization. Default: all that the user has access to.',
    decides: 'nothing',
  }).optional(),
};
