import type { z } from 'zod';
import type { Connector } from '../../interface/source.js';
import { bearer } from '../http/authorization.js';
import type { Api, Collection, Listed, Resource } from './api.js';
import { type DeclaredInput, waitSeconds } from './declared-source.js';
import { apiErrors, type KnownAnswers } from './errors.js';
import { apiSource } from './source.js';

/** The connector of a `declaredSource`, as data. */
interface DeclaredApi<Own extends z.ZodRawShape> extends Pick<Api, 'paging' | 'size' | 'proof'> {
  /** Sent with every request, beside the login. */
  headers?: Readonly<Record<string, string>>;
  /** Items that one of the lists has, which have lists of their own: those with their name in braces in the path. */
  listed?: Omit<Listed, 'inside'>;
  lists(properties: DeclaredInput<Own>['properties']): Readonly<Record<string, Resource>>;
  answers?: KnownAnswers;
  /** What users can do, by status. */
  remedies?: Readonly<Record<number, string>>;
}

const requestSeconds = 30;

function treeOf(
  lists: Readonly<Record<string, Resource>>,
  listed: Omit<Listed, 'inside'> | undefined,
): Collection {
  if (!listed) return { resources: lists };
  const isInside = ([, { path = '' }]: [string, Resource]) => path.includes(`{${listed.of}}`);
  const all = Object.entries(lists);
  const inside = { resources: Object.fromEntries(all.filter(isInside)) };
  return {
    resources: Object.fromEntries(all.filter((entry) => !isInside(entry))),
    listed: { ...listed, inside },
  };
}

export const declaredApi = <Own extends z.ZodRawShape>({
  headers,
  listed,
  lists,
  answers = {},
  remedies = {},
  ...api
}: DeclaredApi<Own>): Connector<DeclaredInput<Own>> =>
  apiSource({
    errors: apiErrors(answers, remedies),
    api: ({ properties, login }) => ({
      ...api,
      base: new URL(properties.url),
      timeoutSeconds: requestSeconds,
      waitSeconds,
      token: login.token,
      headers: (token) => ({
        ...headers,
        authorization: bearer((login.method === 'token' ? login.fields.token : token)?.reveal() ?? ''),
      }),
      root: treeOf(lists(properties), listed),
      failures: { known: answers },
    }),
  });
