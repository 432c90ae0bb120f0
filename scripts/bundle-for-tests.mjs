import { bundlePreloads, bundleProduct } from './bundle.mjs';

let bundled;

/** What tests start as processes, made once a run whichever projects ask for it. */
export async function setup() {
  bundled ??= Promise.all([bundleProduct(), bundlePreloads()]);
  await bundled;
}
