// Begins a data source: `npm run new-source -- ID --family FAMILY` makes its folder from `scripts/new-source`, and its lines in
// the registry and in the list of harnesses. What is left to do is marked FILL IN, and the source's suite fails for each mark.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const templates = fileURLToPath(new URL('new-source/', import.meta.url));
const connectors = 'packages/connectors/src';
/** In the order in which they are filled in. */
const files = ['properties.ts', 'source.ts', 'connector.ts', 'harness.ts', 'test.ts'];

export const families = {
  sql: 'a SQL server over its own protocol',
  files: 'a store of files, which are read in every format that we read',
  api: 'an HTTP API with JSON, declared as lists of fields',
  jobs: 'a service that runs a statement as a job: submit, poll, read pages, cancel',
  plain: 'anything else: a session of its own',
};

/** What was asked for cannot be done. Nothing has been changed. */
export class Refusal extends Error {}

const usage = `npm run new-source -- ID --family FAMILY\n\nFamilies:\n${Object.entries(families)
  .map(([name, what]) => `  ${name.padEnd(6)} ${what}`)
  .join('\n')}`;

const wordsOfJavaScript =
  /^(?:arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield)$/;

function assertId(id, { listed, folders }) {
  if (!/^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*$/.test(id) || id.length > 32)
    throw new Refusal(
      `${JSON.stringify(id)} is not valid as an id: letters and digits, which _ may join, at most 32, for instance google_sheets. It is for ever; where Qlik has published one for the source, use that.`,
    );
  if (wordsOfJavaScript.test(nameOf(id)))
    throw new Refusal(`${id} is a word of JavaScript. Choose another id.`);
  const isSame = (one) => one.toLowerCase() === id.toLowerCase();
  const source = listed.find(isSame);
  if (source !== undefined) throw new Refusal(`There is a data source ${source} already.`);
  const folder = folders.find(isSame);
  if (folder !== undefined)
    throw new Refusal(
      `${connectors}/sources/${folder} exists, though no list has it. Remove or rename it first.`,
    );
}

/** `google_sheets` is `googleSheets` in code. */
const nameOf = (id) =>
  id
    .replace(/^[A-Z]+/, (start) => start.toLowerCase())
    .replace(/_(.)/g, (_whole, letter) => letter.toUpperCase());

/** Where each list has its imports and its entries, and what is added to them. */
const lists = {
  'registry.ts': {
    imports: /^import \{ source as (\w+) \} from '\.\/sources\/(\w+)\/source\.js';\n/gm,
    addedImport: (name, id) => `import { source as ${name} } from './sources/${id}/source.js';\n`,
    entries: /^ {2}(\w+),\n/gm,
    addedEntry: (name) => `  ${name},\n`,
  },
  'suite/harnesses.ts': {
    imports: /^import \{ harness as (\w+) \} from '\.\.\/sources\/(\w+)\/harness\.js';\n/gm,
    addedImport: (name, id) => `import { harness as ${name} } from '../sources/${id}/harness.js';\n`,
    entries: /^ {2}\['\w+', (\w+)\],\n/gm,
    addedEntry: (name, id) => `  ['${id}', ${name}],\n`,
  },
};

const isBefore = (one, other) => `${one.toLowerCase()}/` < `${other.toLowerCase()}/`;

/** Adds a line after the last one with a smaller id; before the first where there is none. */
function withLine(text, lines, { id, added }) {
  const before = lines.filter((line) => isBefore(line.id, id)).at(-1);
  const at = before ? before.end : lines[0].start;
  return text.slice(0, at) + added + text.slice(at);
}

function linesOf(text, pattern, idOf) {
  return [...text.matchAll(pattern)].map((match) => {
    const [whole] = match;
    return { id: idOf(match), name: match[1], start: match.index, end: match.index + whole.length };
  });
}

/** @returns the ids in the list, and its text with another source */
function readList(file, text) {
  const { imports, addedImport, entries, addedEntry } = lists[file];
  const imported = linesOf(text, imports, ([, , id]) => id);
  const idOf = new Map(imported.map(({ name, id }) => [name, id]));
  const listed = linesOf(text, entries, ([, name]) => idOf.get(name)).filter((line) => line.id !== undefined);
  if (imported.length === 0 || listed.length !== imported.length)
    throw new Refusal(
      `${connectors}/${file} is not as this script knows it. Mend its lists in scripts/new-source.mjs.`,
    );
  const withSource = (id) => {
    const name = nameOf(id);
    if (idOf.has(name))
      throw new Refusal(`${connectors}/${file} has the name ${name} already. Choose another id.`);
    // The entries come after the imports, so that their places stay.
    const entered = withLine(text, listed, { id, added: addedEntry(name, id) });
    return withLine(entered, imported, { id, added: addedImport(name, id) });
  };
  return { ids: imported.map(({ id }) => id), withSource };
}

function templateOf(family, file) {
  const own = path.join(templates, family, file);
  return readFileSync(existsSync(own) ? own : path.join(templates, 'shared', file), 'utf8');
}

const pathOf = (line) => line.slice(line.indexOf("'"));

/** The declaration of any source, with the imports and members in which families differ: the two parts of `source.txt`. */
function sourceTemplate(family) {
  const [imports, members] = templateOf(family, 'source.txt').split(/^\n/m);
  const text = templateOf('shared', 'source.ts').replace('  // MEMBERS\n', members);
  const own = text.match(/^import .*\n/gm);
  const all = [...own, ...(imports.match(/.+\n/g) ?? [])].sort((one, other) =>
    pathOf(one) < pathOf(other) ? -1 : 1,
  );
  return text.replace(own.join(''), all.join(''));
}

/** Writes all or nothing. */
function write(folder, contents, changed) {
  const made = path.join(path.dirname(folder), `.new-source-${process.pid}`);
  const former = new Map([...changed.keys()].map((file) => [file, readFileSync(file, 'utf8')]));
  try {
    mkdirSync(made);
    for (const [file, text] of contents) writeFileSync(path.join(made, file), text, { flag: 'wx' });
    for (const [file, text] of changed) writeFileSync(file, text);
    // It does not replace a folder that has files.
    renameSync(made, folder);
  } catch (error) {
    for (const [file, text] of former) writeFileSync(file, text);
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Makes the source in the checkout at `root`.
 * @returns the paths of its files, and of those that were changed, from the root
 * @throws Refusal, without having changed anything
 */
export function newSource({ root, id = '', family = '' }) {
  if (!Object.hasOwn(families, family))
    throw new Refusal(`${usage}\n\nThere is no family ${JSON.stringify(family)}.`);
  const at = (file) => path.join(root, connectors, file);
  const read = Object.keys(lists).map((file) => [file, readList(file, readFileSync(at(file), 'utf8'))]);
  const folders = readdirSync(at('sources'));
  assertId(id, { listed: read.flatMap(([, list]) => list.ids), folders });
  const contents = files.map((file) => [
    file === 'test.ts' ? `${id}.test.ts` : file,
    (file === 'source.ts' ? sourceTemplate(family) : templateOf(family, file)).replaceAll('new_source', id),
  ]);
  const changed = new Map(read.map(([file, list]) => [at(file), list.withSource(id)]));
  write(at(`sources/${id}`), contents, changed);
  return {
    made: contents.map(([file]) => `${connectors}/sources/${id}/${file}`),
    changed: read.map(([file]) => `${connectors}/${file}`),
  };
}

const nextSteps = (id, { made, changed }) =>
  `Made ${made.join(',\n     ')}.
Added a line to ${changed.join(' and ')}.

Next, as docs/guides/add-a-source.md describes:

1. The tests of the source fail for each place to FILL IN, and say what belongs there:

     npx vitest run --project 'embedded store' ${path.posix.dirname(made[0])}

   Once harness.ts starts a server, they run the contract suite too.
2. A driver: npm install --save-exact -w packages/connectors NAME, and why in docs/decisions.
3. A line in CHANGELOG.md; then npm run generate && npm run check.

To undo: remove ${path.posix.dirname(made[0])} and the lines with "${id}" in the two lists.
`;

function main(parameters) {
  try {
    const { values, positionals } = parseArgs({
      args: parameters,
      options: { family: { type: 'string' } },
      allowPositionals: true,
    });
    const [id, ...more] = positionals;
    if (id === undefined || more.length > 0 || values.family === undefined) throw new Refusal(usage);
    const done = newSource({
      root: fileURLToPath(new URL('..', import.meta.url)),
      id,
      family: values.family,
    });
    process.stdout.write(nextSteps(id, done));
  } catch (error) {
    if (!(error instanceof Refusal) && !String(error.code).startsWith('ERR_PARSE_ARGS')) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main(process.argv.slice(2));
