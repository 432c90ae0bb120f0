import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { MooringProcess } from './mooring-process.js';

// Documented curl lines, run by bash as a user would run them.

export interface CurlAnswer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
  text: string;
}

/**
 * Runs one documented line. Placeholders such as `<SPACE_ID>` are filled in, and `https://<TENANT>` becomes the
 * address of the server; nothing else is changed. What a script adds to see the status stands in curl's own
 * configuration file, not in the line.
 */
export type Curl = (line: string, values?: Readonly<Record<string, string>>) => Promise<CurlAnswer>;

const run = promisify(execFile);
const settings = 'silent\nshow-error\nwrite-out = "\\n%{http_code}"\n';

function fillIn(line: string, values: Readonly<Record<string, string>>): string {
  return line.replace(/<([A-Z][A-Z0-9_]*)>/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Nothing to put in place of ${placeholder}`);
    if (/['"\\$`]/.test(value)) throw new Error(`The value of ${placeholder} does not survive a shell`);
    return value;
  });
}

/** @returns `curl` for this server under its administrator's key, and `close` to remove curl's configuration */
export function createCurl({ url, adminKey }: Pick<MooringProcess, 'url' | 'adminKey'>): {
  curl: Curl;
  close: () => void;
} {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-curl-'));
  writeFileSync(path.join(folder, '.curlrc'), settings);
  return {
    async curl(line, values = {}) {
      const command = fillIn(line.replaceAll('https://<TENANT>', url), {
        ACCESS_TOKEN: adminKey,
        ...values,
      });
      const { PATH = '' } = process.env;
      const { stdout } = await run('bash', ['-c', command], {
        env: { PATH, CURL_HOME: folder, HOME: folder },
      });
      const cut = stdout.lastIndexOf('\n');
      const text = stdout.slice(0, cut);
      const isJson = /^\s*[{[]/.test(text);
      return { status: Number(stdout.slice(cut + 1)), body: isJson ? JSON.parse(text) : undefined, text };
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
