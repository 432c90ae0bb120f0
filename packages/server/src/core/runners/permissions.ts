import { realpathSync } from 'node:fs';
import path from 'node:path';
import { ownStatusFile } from './usage.js';

const isKnown = (option: string) => process.allowedNodeEnvironmentFlags.has(option);

/** Whether Node loads files of others into every process first; what those read in turn nobody here knows. */
const hasPreloads = (options: string) =>
  /(^|[\s"])(-r|--require|--import|--loader|--experimental-loader)(?=[\s="])(?![\s="]*data:)/.test(options);

/** Folders with the program and all that it loads. */
function foldersOf(entry: string): string[] {
  const folder = realpathSync(path.dirname(entry));
  if (path.basename(folder) !== 'runners') return [folder];
  // Not bundled: `packages/server/dist/core/runners` of a checkout.
  const checkout = path.resolve(folder, '../../../../..');
  return [path.join(checkout, 'packages'), path.join(checkout, 'node_modules')];
}

/** `package.json` of each folder above: Node looks there for the kind of a module, and 20.19 fails where it may not. */
function descriptionsAbove([folder = '/']: string[]): string[] {
  const above = path.dirname(folder);
  const description = path.join(above, 'package.json');
  return above === folder ? [] : [description, ...descriptionsAbove([above])];
}

/**
 * Options of Node with which a program may read its own code, and do nothing else to the machine but use the network:
 * no other file, no process, no thread (it would be free of all this), no addon, no debugger. None where this version
 * of Node has no permission model, or `NODE_OPTIONS` load a file first.
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
    // Since 25 the model has the network too, which is the gate's matter.
    ...['--allow-net'].filter(isKnown),
  ];
}
