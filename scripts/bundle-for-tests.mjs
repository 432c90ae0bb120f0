import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePreloads, bundleProduct } from './bundle.mjs';

const cache = fileURLToPath(new URL('../.cache/', import.meta.url));

let folder;
let bundled;

/** Builds what tests start as processes, once per run for all projects; concurrent runs have their own. */
export async function setup(project) {
  if (!bundled) {
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(path.join(cache, 'bundle-'));
    bundled = Promise.all([
      bundleProduct(path.join(folder, 'product')),
      bundlePreloads(path.join(folder, 'preloads')),
    ]);
  }
  await bundled;
  project.provide('bundle', folder);
}

export const teardown = () => rmSync(folder, { recursive: true, force: true });
