import type { Route } from './route.js';

// Qlik's namespaced API (`/api/connectivity/…`) is the same contract at another path: its routes are made from
// those of `/api/v1`, so that every operation is behind both doors.

const olderPath = /^\/api\/v1\/(?=data-(?:connections|credentials|sources)(?:\/|$))/;

/** The same operation at `/api/connectivity/…`; undefined for routes that have only one door. */
export function newerDoorOf(route: Route): Route | undefined {
  if (!olderPath.test(route.path)) return undefined;
  const { id } = route;
  return {
    ...route,
    id: `connectivity${id.charAt(0).toUpperCase()}${id.slice(1)}`,
    path: route.path.replace(olderPath, '/api/connectivity/'),
    summary: `${route.summary} (newer door)`,
  };
}
