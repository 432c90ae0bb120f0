import { execFile, spawn } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ClickHouseEngine, EngineFailure, type Statement } from './engine.js';
import { sampleStatements } from './schema.js';

const version = '3.4.0';
const run = promisify(execFile);

/**
 * Puts chdb into a cache folder: half a gigabyte is too much for a dependency.
 * @returns the folder in which `import('chdb')` finds it
 */
export async function findChdb(cache: string): Promise<string> {
  const folder = join(cache, `chdb-${version}`);
  const isThere = await access(join(folder, 'node_modules', 'chdb', 'package.json')).then(
    () => true,
    () => false,
  );
  if (isThere) return folder;
  await mkdir(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', [...args, `chdb@${version}`], { cwd: folder });
  return folder;
}

/** Runs one statement on the sample data; a failure goes to the standard error. */
const program = `
  const chdb = (await import('chdb')).default;
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  const { samples, before, sql, format } = JSON.parse(text);
  const session = new chdb.Session();
  for (const statement of samples) session.query(statement);
  const told = (error) => new Promise((done) => process.stderr.write('\\nFAILED ' + error.message, done));
  try {
    for (const statement of before) session.query(statement);
    const result = await session.queryAsync(sql, { format });
    await new Promise((done) => process.stdout.write(result.bytes(), done));
  } catch (error) {
    await told(error);
  }
  process.exit(0);
`;

const literal = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Settings of the interface, which an engine in a process does not have. */
const ofInterface = new Set([
  'cancel_http_readonly_queries_on_client_close',
  'wait_end_of_query',
  'readonly',
]);

/** `readonly` comes last: nothing can be set after it. */
function statementsBefore({ database, parameters, settings }: Statement): string[] {
  const set = Object.entries(settings).filter(([name]) => !ofInterface.has(name));
  return [
    `USE ${database}`,
    ...Object.entries(parameters).map(([name, value]) => `SET param_${name} = ${literal(value)}`),
    ...set.map(([name, value]) => `SET ${name} = ${literal(value)}`),
    ...(settings['readonly'] === undefined ? [] : [`SET readonly = ${settings['readonly']}`]),
  ];
}

/** ClickHouse itself, as a library in a process of its own for each statement. */
export async function startChdb(cache: string): Promise<ClickHouseEngine> {
  const folder = await findChdb(cache);
  return {
    async *run(statement, signal) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, signal });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-64_000);
      });
      const ended = new Promise<void>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', () => resolve());
      });
      ended.catch(() => undefined);
      const { sql, format } = statement;
      const input = { samples: sampleStatements, before: statementsBefore(statement), sql, format };
      child.stdin.end(JSON.stringify(input));
      yield* child.stdout as AsyncIterable<Buffer>;
      await ended;
      const [, failure] = said.split('\nFAILED ');
      if (failure === undefined) return;
      const [, code = '0', message = failure] = /Code: (\d+)\. DB::Exception: ([\s\S]*)$/.exec(failure) ?? [];
      throw new EngineFailure(Number(code), message.trim());
    },
    close: async () => {},
  };
}
