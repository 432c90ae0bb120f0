import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Load {
  url: string;
  headers: Readonly<Record<string, string>>;
  seconds: number;
  connections: number;
}

/** A separate single-threaded program that requests one URL in a closed loop. */
export interface LoadClient {
  name: string;
  /** @returns answers per second. @throws Error for any status but 2xx. */
  perSecond(load: Load): Promise<number>;
}

function findOnPath(program: string): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function wrk(file: string): LoadClient {
  return {
    name: 'wrk',
    async perSecond({ url, headers, seconds, connections }) {
      const named = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
      const { stdout } = await run(file, ['-t1', `-c${connections}`, `-d${seconds}`, ...named, url]);
      const found = /^Requests\/sec:\s+([\d.]+)/m.exec(stdout);
      if (!found || /Non-2xx|Socket errors/.test(stdout))
        throw new Error(`not every answer was right: ${stdout}`);
      return Number(found[1]);
    },
  };
}

interface AutocannonResult {
  '2xx': number;
  non2xx: number;
  errors: number;
  duration: number;
}

function autocannon(): LoadClient {
  const file = createRequire(import.meta.url).resolve('autocannon/autocannon.js');
  return {
    name: 'autocannon',
    async perSecond({ url, headers, seconds, connections }) {
      const named = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]);
      const options = ['--json', '--no-progress', '-c', String(connections), '-d', String(seconds)];
      const { stdout } = await run(process.execPath, [file, ...options, ...named, url]);
      const result = JSON.parse(stdout) as AutocannonResult;
      if (result.non2xx + result.errors > 0) throw new Error(`not every answer was right: ${stdout}`);
      return result['2xx'] / result.duration;
    },
  };
}

/** wrk if installed: autocannon needs more CPU than node:http, and hides a faster server. */
export function findLoadClient(): LoadClient {
  const file = findOnPath('wrk');
  return file ? wrk(file) : autocannon();
}
