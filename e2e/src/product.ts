import path from 'node:path';
import type {} from '@mooring/server/testing/start-server';
import { inject } from 'vitest';

// The product as it is published: one bundle, made anew for each run of the tests by `scripts/bundle-for-tests.mjs`.

const at = (place: string) => path.join(inject('bundle'), place);

/** `mooring`, to be run by Node. */
export const executable = at('product/mooring.js');

/** What processes under test load before anything else (`node --import`). */
export const preloads = {
  socketWatch: at('preloads/socket-watch.js'),
  clockSkew: at('preloads/clock-skew.js'),
};

/** Sources of people who mean harm, to be run by Node. */
export const hostileSources = at('preloads/hostile-sources.js');
