import type { SourceManifest } from './spec/manifest.js';

/** Every data source, one line each. Adding a source is its folder and a line here. */
export const manifests: readonly SourceManifest[] = [];
