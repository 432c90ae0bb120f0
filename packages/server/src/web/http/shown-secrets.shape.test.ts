import { allRoutes } from '@mooring/contract/all-routes';
import type { Route } from '@mooring/contract/route';
import { expect, it } from 'vitest';
import { z } from 'zod';

const secretMembers = ['token', 'clientSecret', 'password'];

it('TR24: every create that is repeated by key and shows a secret says so', () => {
  const silent = (allRoutes as readonly Route[])
    .filter(({ idempotent, showsSecret }) => idempotent && !showsSecret)
    .filter(({ responses }) =>
      Object.values(responses).some(({ schema }) => {
        const members =
          schema === undefined ? {} : z.toJSONSchema(schema, { unrepresentable: 'any' }).properties;
        return secretMembers.some((name) => name in (members ?? {}));
      }),
    );
  expect(silent.map(({ id }) => id)).toEqual([]);
});
