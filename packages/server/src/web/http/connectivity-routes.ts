import { connectivityRouteOf } from '@mooring/contract/connectivity-routes';
import { type BoundRoute, handled } from './handler.js';
import type { ListStream } from './list-stream.js';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A connection or a credential as `/api/connectivity` shows it: `createdAt` beside `created`, and a link below the same
 * path. Anything else stays unchanged; rows of a source must not be touched.
 */
function renamed(value: unknown): unknown {
  if (!isObject(value) || typeof value['qID'] !== 'string') return value;
  const { created, links } = value;
  const self = isObject(links) && isObject(links['self']) ? links['self']['href'] : undefined;
  return {
    ...value,
    ...(typeof created === 'string' ? { createdAt: created } : {}),
    ...(typeof self === 'string'
      ? { links: { self: { href: self.replace(/(?:\/api)?\/v1\/(?=data-)/, '/api/connectivity/') } } }
      : {}),
  };
}

function newerForm(body: unknown): unknown {
  if (!isObject(body)) return body;
  if ('qID' in body) return renamed(body);
  return Object.fromEntries(
    Object.entries(body).map(([name, member]) => [
      name,
      Array.isArray(member) ? member.map(renamed) : member,
    ]),
  );
}

async function* renamedBatches(batches: ListStream['batches']): AsyncGenerator<object[]> {
  for await (const batch of batches) yield batch.map((item) => renamed(item) as object);
}

const inNewerForm = (list: ListStream): ListStream => ({ ...list, batches: renamedBatches(list.batches) });

/** The routes, and their counterparts below `/api/connectivity` with the same handlers. */
export function withConnectivityRoutes(routes: readonly BoundRoute[]): BoundRoute[] {
  const newer = routes.flatMap(({ route, handler }): BoundRoute[] => {
    const derived = connectivityRouteOf(route);
    if (!derived) return [];
    return [
      {
        route: derived,
        async handler(input, scope) {
          const answer = await handler(input, scope);
          if (answer === handled) return answer;
          if (answer.list) return { ...answer, list: inNewerForm(answer.list) };
          if (answer.body === undefined) return answer;
          return { ...answer, body: newerForm(answer.body) };
        },
      },
    ];
  });
  return [...routes, ...newer];
}
