import { type LabSsh, type LabSshKey, startSsh } from '@mooring/lab/ssh';
import { hideAll } from '../../../kit/secret-fields.js';
import type { TestInput } from '../../../suite/bench.js';
import { realSource } from '../../../suite/real-source.js';
import { source } from '../source.js';
import { definitionFor, fieldsOf, fill } from './files.js';

interface Change {
  properties?: object;
  fields?: object;
  /** Instead of the password. */
  key?: LabSshKey;
}

export const inputFor = (lab: LabSsh, { properties, fields, key }: Change = {}): TestInput => ({
  properties: {
    ...definitionFor(lab),
    ...properties,
  },
  login: {
    signIn: 'ssh',
    fields: hideAll({
      username: lab.alice.user,
      ...(key ? fieldsOf(key) : { password: lab.alice.password }),
      ...fields,
    }),
  },
});

export const realServer = () =>
  realSource(
    source,
    async () => {
      const lab = await startSsh();
      await fill(lab);
      return lab;
    },
    inputFor,
  );
