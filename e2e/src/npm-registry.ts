import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { listenOnLoopback } from '@mooring/lab/loopback-http';

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/** The JSON that npm asks a registry for, with one version. */
function packument(name: string, base: string, bytes: Buffer): object {
  const manifest = JSON.parse(readFileSync(path.join(modules, name, 'package.json'), 'utf8'));
  const dist = {
    tarball: `${base}/${name}/-/package.tgz`,
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
  };
  return {
    name,
    'dist-tags': { latest: manifest.version },
    versions: { [manifest.version]: { ...manifest, dist } },
  };
}

/** An npm registry with the packages of this checkout's `node_modules`, each in its installed version. */
export async function startNpmRegistry() {
  const folder = mkdtempSync(path.join(tmpdir(), 'npm-registry-'));
  const packed = new Map<string, Buffer>();
  const pack = (name: string) => {
    const arguments_ = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const output = execFileSync('npm', [...arguments_, path.join(modules, name)], { encoding: 'utf8' });
    const bytes = readFileSync(path.join(folder, JSON.parse(output)[0].filename));
    packed.set(name, bytes);
    return bytes;
  };
  const server = await listenOnLoopback(0, (url) => (request, response) => {
    const asked = decodeURIComponent(request.url ?? '');
    const name = /^\/((?:@[^/]+\/)?[^/]+)/.exec(asked)?.[1] ?? '';
    if (!existsSync(path.join(modules, name, 'package.json'))) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not_found"}');
      return;
    }
    const bytes = packed.get(name) ?? pack(name);
    response.setHeader('content-type', 'application/json');
    response.end(asked.endsWith('.tgz') ? bytes : JSON.stringify(packument(name, url, bytes)));
  });
  return {
    url: server.url,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
