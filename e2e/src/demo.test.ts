import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runDemo } from '@mooring/lab/demo/run-demo';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { full } from '@mooring/lab/test-tier';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { executable } from './product.js';

// `mooring demo` as a newcomer runs it, and nothing left behind whatever happens to it.

const demoMs = 120_000;

let temporary: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  temporary = mkdtempSync(path.join(tmpdir(), 'demo-test-'));
  // The database may run as another user.
  chmodSync(temporary, 0o755);
  child = undefined;
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(temporary, { recursive: true, force: true });
});

/** Starts the demo with its own place for temporary folders, which identifies its processes. */
function startDemo(flags: readonly string[], input: 'ignore' | 'pipe' = 'ignore') {
  const started = spawn(process.execPath, [executable, 'demo', ...flags], {
    stdio: [input, 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary },
  });
  child = started;
  let text = '';
  const waiting = new Set<() => void>();
  for (const stream of [started.stdout, started.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (const look of waiting) look();
    });
  }
  const ended = once(started, 'close') as Promise<[number | null]>;
  return {
    process: started,
    text: () => text,
    exitCode: async () => (await ended)[0],
    /** @returns the match as soon as it is there. */
    seen: (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(text);
          if (match === null) return;
          waiting.delete(look);
          resolve(match);
        };
        waiting.add(look);
        look();
        ended.then(() => reject(new Error(`The demo ended without ${pattern}:\n${text}`)), reject);
      }),
  };
}

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        // It ended in between.
        return [];
      }
    });
}

/** Processes and folders of the demo; all of them carry its temporary folder in their command line or path. */
const leftBehind = () => [
  ...commandLines().filter((line) => line.includes(temporary)),
  ...readdirSync(temporary),
];

/** Each of them starts a demo of its own. */
const isLong = full(1, 0) === 1;

describe('mooring demo', () => {
  it('walks through every flow, serves both users until it is stopped, exits 0 and leaves nothing behind', {
    timeout: demoMs,
  }, async () => {
    const demo = startDemo([]);
    await demo.seen(/2\.1 /);
    // The search must be able to find something.
    expect(leftBehind().length).toBeGreaterThan(2);
    await expectServing(demo);
    demo.process.kill('SIGINT');
    expect(await demo.exitCode(), demo.text()).toBe(0);

    const summary = demo.text().slice(demo.text().indexOf('Summary'));
    const results = [...summary.matchAll(/^ {2}\d\.\d .* (ok|FAILED) +\d+$/gm)].map(([, result]) => result);
    expect(results.length).toBeGreaterThanOrEqual(29);
    expect(new Set(results)).toEqual(new Set(['ok']));
    for (const flow of ['A1', 'A2', 'A3', 'A4', 'A5'])
      expect(summary).toMatch(new RegExp(`  ${flow}  .* ok +\\d+$`, 'm'));
    expect(summary).toContain(`All ${results.length} steps passed`);
    expect(demo.text()).toContain('"code": "CREDENTIALS-REQUIRED"');
    expect(demo.text()).toContain('{"id":1001,"owner":"alice"');
    expect(demo.text()).toContain('{"id":2001,"owner":"bob"');
    // Plain where it is not a terminal.
    expect(demo.text()).not.toContain('\u001b');
    expect(leftBehind()).toEqual([]);
  });

  async function expectServing(demo: ReturnType<typeof startDemo>): Promise<void> {
    const [, url = ''] = await demo.seen(/Mooring is up at (\S+)/);
    const [, id = ''] = await demo.seen(/data-connections\/([\w-]+)\/actions\/preview \\/);
    await demo.seen(/Ctrl-C/);
    const [, alice = ''] = await demo.seen(/Key of Alice +(\S+)/);
    const answer = await fetch(`${url}/api/v1/data-connections/${id}/actions/preview`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice}`, 'content-type': 'application/json' },
      body: JSON.stringify({ path: ['sales', 'orders'], columns: ['id'] }),
    });
    expect(((await answer.json()) as { rows: unknown }).rows).toEqual([
      [1001],
      [1002],
      [1003],
      [1004],
      [1005],
    ]);
  }

  it.runIf(isLong)(
    'ends with 130 when it is interrupted, and leaves nothing behind',
    { timeout: demoMs },
    async () => {
      const demo = startDemo(['--exit']);
      await demo.seen(/3\.1 /);
      demo.process.kill('SIGINT');
      expect(await demo.exitCode(), demo.text()).toBe(130);
      expect(leftBehind()).toEqual([]);
    },
  );

  it.runIf(isLong)(
    'takes the code that a user pastes after signing in by hand',
    { timeout: demoMs },
    async () => {
      const demo = startDemo(['--exit', '--manual'], 'pipe');
      const [, authUrl = ''] = await demo.seen(/^(http\S+\/auth\?\S+)$/m);
      const [, password = ''] = await demo.seen(/with password (\S+)/);
      const page = await walkSignIn({ authUrl, login: 'alice', password });
      const code = /id="auth-code"[^>]*>([^<]+)</.exec(page.html)?.[1];
      demo.process.stdin?.write(`${code}\n`);
      expect(await demo.exitCode(), demo.text()).toBe(0);
      expect(demo.text()).toMatch(/ A5 {2}You sign in as Alice .* ok /);
      // Keys are shown only to a user who continues by hand.
      expect(demo.text()).not.toMatch(/mrg_\w|warning/i);
      expect(leftBehind()).toEqual([]);
    },
  );

  it('fails when no code is pasted', { timeout: demoMs }, async () => {
    const demo = startDemo(['--exit', '--manual']);
    expect(await demo.exitCode(), demo.text()).toBe(1);
    expect(demo.text()).toMatch(/No code was pasted.* FAILED /);
    expect(leftBehind()).toEqual([]);
  });
});

/** Something that says it is Mooring and runs `answer` for each request. */
const pretender = (answer: string) => [
  process.execPath,
  '-e',
  `const server = require('node:http').createServer((request, response) => { ${answer} });
  process.on('SIGTERM', () => process.exit(0));
  server.listen(0, '127.0.0.1', () => console.log('Mooring listening on http://127.0.0.1:' + server.address().port));`,
  '--',
];

async function demoOf(program: readonly string[]) {
  let text = '';
  const output = {
    write(chunk: string) {
      text += chunk;
    },
  };
  const code = await runDemo({ command: program, exit: true, output });
  return { code, text };
}

describe('a Mooring that is not right', () => {
  it('makes the demo fail, and say what was expected and what came', { timeout: demoMs }, async () => {
    const { code, text } = await demoOf(pretender("response.writeHead(418); response.end('no')"));
    expect(code, text).toBe(1);
    expect(text).toContain('✗ status of POST /api/v1/invitations');
    expect(text).toMatch(/expected {2}201\n +got {7}418\n/);
    expect(text).toMatch(/1\.1 .* FAILED /);
    expect(text).toContain('1 of 1 steps failed');
  });

  it.runIf(isLong)('is reported as a failure also when it does not start', { timeout: demoMs }, async () => {
    const { code, text } = await demoOf([process.execPath, '-e', 'console.error("out of luck")', '--']);
    expect(code, text).toBe(1);
    expect(text).toContain('Mooring did not start.\nout of luck');
  });
});
