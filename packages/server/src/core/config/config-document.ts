import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { ConfigError } from './config-error.js';
import { fileSchema } from './config-file.js';

// The configuration file holds client secrets. In a broken file any text may be one (a lost blank turns a secret into
// a name), so messages give the place of the error and quote nothing but names that look like setting names.

export type ConfigurationFile = z.output<typeof fileSchema>;
export type Environment = Readonly<Record<string, string | undefined>>;

interface Source {
  document: Document;
  lines: LineCounter;
  filePath: string;
}

type Path = readonly PropertyKey[];

const looksLikeName = (segment: PropertyKey): boolean =>
  typeof segment === 'number' || /^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(String(segment));
const written = (path: Path): string =>
  path.map((segment) => (looksLikeName(segment) ? String(segment) : '<name>')).join('.') || 'file';

/** Position of the name at the end of the path, or of the value without a name. */
function startOf({ document }: Source, path: Path): number | undefined {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
    : undefined;
  const node = pair?.key ?? document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}

/** Line and column of the value at the path, or of its parent. */
function positionOf(source: Source, path: Path): string {
  for (let length = path.length; length >= 0; length -= 1) {
    const start = startOf(source, path.slice(0, length));
    if (start === undefined) continue;
    const { line, col } = source.lines.linePos(start);
    return `line ${line}, column ${col}`;
  }
  return 'line 1, column 1';
}

function parse(text: string, filePath: string): Source {
  const lines = new LineCounter();
  // Pretty errors, and the warnings that the library prints by itself, quote the file.
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent', lineCounter: lines });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new ConfigError(
      `The configuration file ${filePath} is not valid YAML at line ${line}, column ${col} (${problem.code}).`,
    );
  }
  return { document, lines, filePath };
}

function contentOf({ document, lines, filePath }: Source): unknown {
  try {
    return document.toJS() ?? {};
  } catch {
    // Aliases without a target, or that expand to too much.
    let start = 0;
    visit(document, {
      Alias(_key, alias) {
        if (!alias.resolve(document)) start = alias.range?.[0] ?? 0;
      },
    });
    const { line, col } = lines.linePos(start);
    throw new ConfigError(
      `The configuration file ${filePath} has an alias (*) that cannot be followed at line ${line}, column ${col}.`,
    );
  }
}

function readReference(source: Source, value: string, environment: Environment, path: Path): string {
  const at = `The configuration file ${source.filePath} is not valid. ${written(path)} (${positionOf(source, path)})`;
  const target = value.slice(value.indexOf(':') + 1);
  if (value.startsWith('env:')) {
    const found = environment[target];
    if (found !== undefined && found !== '') return found;
    throw new ConfigError(
      looksLikeName(target)
        ? `${at}: the environment variable ${target} is not set.`
        : `${at}: what follows env: is not the name of an environment variable.`,
    );
  }
  try {
    return readFileSync(target, 'utf8').trim();
  } catch {
    throw new ConfigError(`${at}: the file that it names cannot be read.`);
  }
}

function resolveReferences(source: Source, value: unknown, environment: Environment, path: Path): unknown {
  if (typeof value === 'string') {
    return /^(?:env|file):/.test(value) ? readReference(source, value, environment, path) : value;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => resolveReferences(source, item, environment, [...path, index]));
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      resolveReferences(source, item, environment, [...path, key]),
    ]),
  );
}

/** Zod's messages with positions, and without the values. */
function tell(source: Source, issue: z.core.$ZodIssue): string[] {
  const { path } = issue;
  const name = (names: Path, message: string) => {
    // A name without a value may be a value that lost its name.
    const hasValue = (source.document.getIn(names) ?? null) !== null;
    const shown = hasValue ? names : [...names.slice(0, -1), '<name>'];
    return `${written(shown)} (${positionOf(source, names)}): ${message}`;
  };
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      name([...path, key], 'unknown name; docs/reference/configuration.md lists all'),
    );
  }
  if (issue.code === 'invalid_key') return [name(path, issue.issues[0]?.message ?? issue.message)];
  return [`${written(path)} (${positionOf(source, path)}): ${issue.message}`];
}

/**
 * Reads and validates the configuration file; without a path, the defaults.
 * @throws ConfigError that names settings and places, and quotes nothing
 */
export function readConfigurationFile(
  filePath: string | undefined,
  environment: Environment,
): ConfigurationFile {
  if (!filePath) return fileSchema.parse({});
  let text: string;
  try {
    text = readFileSync(filePath, 'utf8');
  } catch {
    throw new ConfigError(`The configuration file ${filePath} cannot be read (--config or MOORING_CONFIG).`);
  }
  const source = parse(text, filePath);
  const parsed = fileSchema.safeParse(resolveReferences(source, contentOf(source), environment, []));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => tell(source, issue));
  throw new ConfigError(`The configuration file ${filePath} is not valid. ${problems.join('; ')}`);
}
