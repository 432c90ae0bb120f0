import type { Route } from './route.js';

// Qlik's namespaced API (`/api/connectivity/…`) is the same contract under another path prefix: its routes are derived
// from those of `/api/v1`.

const olderPath = /^\/api\/v1\/(?=data-(?:connections|credentials|sources)(?:\/|$))/;

/** The same operation under `/api/connectivity/…`; undefined for routes that only `/api/v1` has. */
export function connectivityRouteOf(route: Route): Route | undefined {
  if (!olderPath.test(route.path)) return undefined;
  const { id } = route;
  return {
    ...route,
    id: `connectivity${id.charAt(0).toUpperCase()}${id.slice(1)}`,
    path: route.path.replace(olderPath, '/api/connectivity/'),
    tag: 'connectivity',
    summary: `${route.summary} (connectivity API)`,
  };
}
