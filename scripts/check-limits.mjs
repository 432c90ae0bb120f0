// The limits that keep code readable: 80 lines a function, 300 lines a file, four positional parameters.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const limits = { function: 80, file: 300, parameters: 4 };

/** What may be over a limit, and why: `file` or `file#function`. One that is not needed any more fails the check. */
const exceptions = {
  'packages/lab/src/clickhouse/recorded.ts': 'A table: answers as ClickHouse gave them.',
  'scripts/rooms.mjs': 'The table of rooms.',
  'packages/server/src/core/oauth/__fixtures__/documented-answers.ts':
    'A table: answers as providers document them.',
  'packages/server/src/core/oauth/__fixtures__/provider-ways.ts': 'A table: the ways of each provider.',
  'packages/server/src/core/store/tables.ts': 'The columns of the store, one table after the other.',
};

const remedies = {
  function: 'Split it: one function per step or per operation, with its dependencies as parameters.',
  file: 'Split it: one file per operation or per concept. For a table of data, add an exception in scripts/check-limits.mjs.',
  parameters: 'Pass an object with named members.',
};

const testCallbacks = new Set(['describe', 'it', 'beforeAll', 'beforeEach', 'afterAll', 'afterEach']);

/** `describe` of `describe.each(table)('name', callback)`. */
function calleeOf(node) {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return calleeOf(node.expression);
  return undefined;
}

const isTestCallback = (node) =>
  ts.isCallExpression(node.parent) &&
  node.parent.arguments.includes(node) &&
  testCallbacks.has(calleeOf(node.parent));

/** The name that a reader would search for. */
function nameOf(node, text) {
  if (ts.isConstructorDeclaration(node)) return `${node.parent.name?.text ?? 'class'}.constructor`;
  if (node.name) return node.name.getText(text);
  let holder = node.parent;
  while (ts.isParenthesizedExpression(holder) || ts.isAsExpression(holder)) holder = holder.parent;
  if (holder.name) return holder.name.getText(text);
  if (ts.isCallExpression(holder)) return `callback of ${holder.expression.getText(text).split('\n')[0]}`;
  return 'function';
}

/**
 * What is over a limit in one file, exceptions included.
 * @param file path from the root
 * @returns `{ file, line, name?, kind, size }`, `name` absent for the file itself
 */
export function oversizedIn(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineAt = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const isTest = /from 'vitest'/.test(text);
  const found = [];
  const fileLines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (fileLines > limits.file) found.push({ file, line: 1, kind: 'file', size: fileLines });

  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body && !(isTest && isTestCallback(node))) {
      const line = lineAt(node.getStart(source));
      const add = (kind, size) => {
        if (size > limits[kind]) found.push({ file, line, name: nameOf(node, source), kind, size });
      };
      add('function', lineAt(node.end) - line + 1);
      add('parameters', node.parameters.length);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const messageOf = ({ file, line, name, kind, size }) => {
  const what = kind === 'parameters' ? `${size} positional parameters` : `${size} lines`;
  return `${file}:${line} ${name ?? 'the file'}: ${what}, the limit is ${limits[kind]}. ${remedies[kind]}`;
};

/**
 * @param files `[path from the root, text]`
 * @returns one message for each violation, and for each exception that is not needed any more
 */
export function limitProblems(files, excepted = exceptions) {
  const unneeded = new Set(Object.keys(excepted));
  const problems = [];
  for (const [file, text] of files)
    for (const found of oversizedIn(file, text)) {
      const name = found.name === undefined ? file : `${file}#${found.name}`;
      unneeded.delete(name);
      if (!Object.hasOwn(excepted, name)) problems.push(messageOf(found));
    }
  for (const name of unneeded)
    problems.push(`scripts/check-limits.mjs: ${name} is within the limits or gone. Delete the exception.`);
  return problems;
}

const root = fileURLToPath(new URL('..', import.meta.url));

function* sources(folder) {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sources(name);
    else if (/\.m?[jt]s$/.test(name)) yield [name, readFileSync(path.join(root, name), 'utf8')];
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = readdirSync(path.join(root, 'packages')).map((name) => `packages/${name}/src`);
  const folders = [...packages, 'e2e/src', 'bench/src', 'scripts'];
  const problems = limitProblems(folders.flatMap((folder) => [...sources(folder)]));
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}
