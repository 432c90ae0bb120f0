import { realpathSync } from 'node:fs';
import path from 'node:path';
import { ownStatusFile } from './usage.js';

const isKnown = (option: string) => process.allowedNodeEnvironmentFlags.has(option);

/** True when NODE_OPTIONS makes Node preload other files; what those read is unknown. */
const hasPreloads = (options: string) =>
  /(^|[\s"])(-r|--require|--import|--loader|--experimental-loader)(?=[\s="])(?![\s="]*data:)/.test(options);

/** Folders of the program and of everything that it loads. */
function foldersOf(entry: string): string[] {
  const folder = realpathSync(path.dirname(entry));
  if (path.basename(folder) !== 'runners') return [folder];
  // Not bundled: `packages/server/dist/core/runners` of a checkout.
  const checkout = path.resolve(folder, '../../../../..');
  return [path.join(checkout, 'packages'), path.join(checkout, 'node_modules')];
}

/** `package.json` of each folder above: Node reads the module type there, and 20.19 fails without permission. */
function descriptionsAbove([folder = '/']: string[]): string[] {
  const above = path.dirname(folder);
  const description = path.join(above, 'package.json');
  return above === folder ? [] : [description, ...descriptionsAbove([above])];
}

/**
 * Node options with which a program may read its own code and use the network, and nothing else: no other file, no
 * process, no thread (a thread would not be restricted), no addon, no debugger. Empty where this version of Node has
 * no permission model, or `NODE_OPTIONS` preload a file.
 */
export function permissionOptions(entry: string): string[] {
  const model = ['--permission', '--experimental-permission'].find(isKnown);
  if (!model || hasPreloads(process.env.NODE_OPTIONS ?? '')) return [];
  const folders = foldersOf(entry);
  const readable = [
    ...folders.map((folder) => path.join(folder, '*')),
    ...descriptionsAbove(folders),
    ownStatusFile,
  ];
  return [
    model,
    ...readable.map((place) => `--allow-fs-read=${place}`),
    // Since Node 25 the model includes the network, which the gate controls.
    ...['--allow-net'].filter(isKnown),
  ];
}
