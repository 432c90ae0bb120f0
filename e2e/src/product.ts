import { fileURLToPath } from 'node:url';

// The product as it is published: one bundle, made anew for each run of the tests by `scripts/bundle-for-tests.mjs`.

const at = (place: string) => fileURLToPath(new URL(`../../${place}`, import.meta.url));

/** `mooring`, to be run by Node. */
export const executable = at('packages/cli/bundle/mooring.js');

/** What processes under test load before anything else (`node --import`). */
export const preloads = {
  socketWatch: at('.cache/preloads/socket-watch.js'),
  clockSkew: at('.cache/preloads/clock-skew.js'),
};
