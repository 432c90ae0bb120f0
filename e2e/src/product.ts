import path from 'node:path';
import type {} from '@mooring/server/testing/start-server';
import { inject } from 'vitest';

// The published product: one bundle, built for each test run by `scripts/bundle-for-tests.mjs`.

const at = (place: string) => path.join(inject('bundle'), place);

/** `mooring`, to be run by Node. */
export const executable = at('product/mooring.js');

/** Preloads of processes under test (`node --import`). */
export const preloads = {
  socketWatch: at('preloads/socket-watch.js'),
  clockSkew: at('preloads/clock-skew.js'),
};

/** Hostile sources, to be run by Node. */
export const hostileSources = at('preloads/hostile-sources.js');

/** Writes log lines and ends as told, to be run by Node. */
export const logWriter = at('preloads/log-writer.js');
