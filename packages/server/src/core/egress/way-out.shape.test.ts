import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

// The layer rule `sockets-only-in-egress` covers imports such as node:net. This test covers what needs no import, or is
// an exception there.

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const isTest = (file: string) =>
  /\.test\.ts$|__fixtures__|\/testing\/|\/suite\/|test-stand|harness/.test(file);
const product = ['packages/server/src', 'packages/connectors/src']
  .flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (file) => `${folder}/${file}`,
    ),
  )
  .filter((file) => file.endsWith('.ts'))
  .filter((file) => !isTest(file));
const textOf = (file: string) =>
  readFileSync(path.join(root, file), 'utf8').replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '');

const filesWith = (pattern: RegExp) => product.filter((file) => pattern.test(textOf(file))).toSorted();

describe('the network access of the process', () => {
  it('S06: never uses a global of the runtime, a native binding or another process', () => {
    expect(product.length).toBeGreaterThan(200);
    expect(filesWith(/(?<![.\w])fetch\(|globalThis\.fetch|(?<![.\w])(?:WebSocket|EventSource)\(/)).toEqual([
      // The member of the interface, which the gate implements.
      'packages/connectors/src/interface/network.ts',
      // Wraps that member, to close what a session leaves open.
      'packages/connectors/src/kit/session/tracked-network.ts',
    ]);
    // Turns core files off at the start: Node has no call for a resource limit.
    const starting = /process\.binding|child_process|node:cluster|node:inspector/;
    const runner = 'packages/server/src/core/runners/runner-process.ts';
    const warden = 'packages/server/src/core/runners/warden.ts';
    expect(filesWith(starting)).toEqual([runner, warden, 'packages/server/src/start/run.ts']);
    // The program of a runner, whose only network is the gate too, and one that opens no socket.
    const started = [runner, warden].map((file) => textOf(file).match(/spawn\w*\([^{]*/g));
    expect(started).toEqual([
      ['spawn(process.execPath, [heap, ...permissionOptions(entry), entry, String(memoryMb)], '],
      ["spawn(process.execPath, [...memory, '--eval', program], "],
    ]);
    expect(textOf('packages/server/src/start/run.ts').match(/spawnSync\([^[]*\[/g)).toEqual([
      "spawnSync('prlimit', [",
    ]);
    // The thread that searches the embedded store: its program, which is text, loads the driver of the store only.
    const thread = 'packages/server/src/core/store/search-thread.ts';
    expect(filesWith(/new Worker\(/)).toEqual([thread]);
    expect(textOf(thread).match(/new Worker\([^,]*,|(?<!\w)(?:require|import)\([^)]*\)/g)).toEqual([
      "require('node:worker_threads')",
      'require(workerData.driver)',
      'new Worker(program,',
    ]);
    expect(textOf(thread)).toContain("resolve('libsql')");
  });

  it('S06: is opened in one file, and the exceptions of the layer rules take no more than they say', () => {
    const opening =
      /import \{[^}]*\b(?:connect|createConnection|request|get)\b[^}]*\} from 'node:(?:net|tls|https?|http2)'/;
    const relayFile = 'packages/connectors/src/kit/relay.ts';
    expect(filesWith(opening)).toEqual([relayFile, 'packages/server/src/core/egress/pinned-socket.ts']);
    // Listens, and begins TLS on a socket of the gate.
    const relay = textOf(relayFile);
    expect(relay.match(/import .* from 'node:(?:net|tls)'/g)).toEqual([
      "import { type AddressInfo, createServer, isIP, type Socket } from 'node:net'",
      "import { connect as connectTls } from 'node:tls'",
    ]);
    expect(relay.match(/connectTls\(\{ \w+/g)).toEqual(['connectTls({ socket']);
    const mysql = textOf('packages/connectors/src/families/mysql/wire.ts');
    expect(/import (.*) from 'node:net'/.exec(mysql)?.[1]).toBe('{ isIP, type Socket }');
  });
});
