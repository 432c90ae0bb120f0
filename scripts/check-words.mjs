// Refuses phrases that obscure a text, in the string literals, comments and pages of the places below, and says what to
// write instead. Words that have one meaning here are in docs/glossary.md.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** A folder counts with everything below it. */
const places = [
  ...['packages', 'e2e', 'bench', 'docs', 'scripts'],
  ...['ARCHITECTURE.md', 'README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
];
/** They have the phrases themselves. */
const skipped =
  /(?:^|\/)(?:node_modules|dist|__fixtures__|check-words\.mjs|check\.test\.mjs|glossary\.md)(?:\/|$)/;

/** Pattern (a space matches any white space), what to write instead, and a text that it must find. */
const refused = [
  ['(?<!there )(?:is|are|was|were) none', 'is not valid; is not a …; has no …', 'The page is none.'],
  [
    'none (?:that (?:is|are|was|were|has|had)|of (?:ours|its|theirs))',
    'not a …; no …',
    'none that was issued',
  ],
  [
    '(?<!there )(?:is|are|was|were) no (?!longer|more|less|different|better|worse|one|match)\\w+',
    'is not a …',
    'This is no API key.',
  ],
  ['nobody(?! can)', 'negate the verb; no user; unhandled', 'a rejection was handled by nobody'],
  ['(?:some|every)body', 'another user; all users; anyone', 'given to somebody else'],
  ['(?:person(?! leave)|people)', 'user', 'What a person does'],
  ['whoever', 'the user who …; anyone with …', 'Whoever began it.'],
  ['(?:no )?\\w+ of (?:ours|mine|hers)', "our …; Mooring's …", 'a word of ours'],
  ['nothing of (?:it|that|ours|what|its)', 'none of it; not … any of', 'nothing of it stops the start'],
  ['by now', 'already; now', 'There is another one by now.'],
  ['as far as', 'where; if', 'as far as it is known'],
  ['given out', 'issued', 'a page that was given out'],
  ['anew', 'again; re-…', 'The credential is brought anew.'],
  ['(?:is|are|was|were|be) told', 'gets; is reported; is notified', 'Providers are told.'],
  ['brought', 'provided; added', 'The credential was brought.'],
  ['passed over', 'ignored', 'Empty lines are passed over.'],
  ['on record', 'recorded; in the audit log', 'It is on record.'],
  ['record of uses', 'usage log', 'the record of uses'],
  ['under way', 'running; in progress; pending', 'a sign-in under way'],
  ['(?:goes|go|went) on', 'continues; resumes', 'The server goes on serving.'],
  ['cut short', 'interrupted', 'A request was cut short.'],
  [
    '(?:changed|deleted|moved|replaced|ended|revoked|happened) meanwhile',
    'since',
    'It was changed meanwhile.',
  ],
  ['at the (?:most|least)', 'at most; at least', 'ten seconds at the most'],
  ['(?:left|leaves?|leave it) alone', 'unchanged; not retried', 'The source is left alone.'],
  ['(?:giv(?:es?|en|ing)|gave) (?:\\w+ ){0,2}away', 'transfer', 'giving a connection away'],
  ['in words', 'with an error message', 'refused in words'],
  ['for want of', 'for lack of', 'skipped for want of it'],
  ['stands? (?:there|beside|in the way)', 'exists; is next to; prevents', 'what stands in the way'],
  ['(?:what|who) (?:is|was) there', 'existing; current', 'Conflict with what is there'],
  ['(?:newer|older) door', 'the path, such as /api/connectivity', 'behind the newer door'],
  ['how far (?:it|that|this|a \\w+|the \\w+) (?:is|has)', 'progress', 'It says how far it is.'],
].map(([pattern, instead, example]) => {
  const found = new RegExp(`\\b${pattern.replaceAll(' ', '\\s+')}\\b`, 'gi');
  if (example.search(found) < 0) throw new Error(`The pattern /${pattern}/ does not find its example.`);
  return { pattern, found, instead };
});

/** Finds files worth parsing. A phrase may go over the lines of a comment. */
const anywhere = new RegExp(refused.map(({ pattern }) => pattern.replaceAll(' ', '[\\s/*]+')).join('|'), 'i');

const root = fileURLToPath(new URL('../', import.meta.url));

function filesBelow(path) {
  if (skipped.test(path)) return [];
  if (!statSync(root + path).isDirectory()) return /\.(?:ts|mjs|md)$/.test(path) ? [path] : [];
  return readdirSync(root + path).flatMap((name) => filesBelow(`${path}/${name}`));
}

/** Blanks that keep offsets and lines, so that what is found can be located. */
const blank = (text) => text.replace(/[^\n]/g, ' ');

/** Prose of a page: without code blocks and code spans, which quote. */
const pageProse = (text) => [
  {
    start: 0,
    text: text.replace(/^```.*?^```|^ {4}\S.*?$/gms, blank).replace(/`[^`\n]*`/g, blank),
  },
];

const isLiteral = (node) =>
  ts.isStringLiteralLike(node) ||
  ts.isTemplateHead(node) ||
  ts.isTemplateMiddleOrTemplateTail(node) ||
  ts.isRegularExpressionLiteral(node);

/** Comments and texts of a source file. A literal without a space is an identifier, not prose. */
function sourceProse(text, path) {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  const literals = [];
  const visit = (node) => {
    if (isLiteral(node)) literals.push({ start: node.getStart(file), end: node.end, node });
    ts.forEachChild(node, visit);
  };
  visit(file);
  // What is left outside of literals can only be a comment where it looks like one.
  let code = '';
  for (const { start, end } of literals)
    code += text.slice(code.length, start) + blank(text.slice(start, end));
  code += text.slice(code.length);
  const comments = [...code.matchAll(/\/\*.*?\*\/|\/\/.*?$(?:\n[ \t]*\/\/.*?$)*/gms)].map(
    ({ index, 0: found }) => ({
      start: index,
      text: text
        .slice(index, index + found.length)
        .replace(/^[ \t]*(?:\/\*\*?|\*\/?|\/\/)/gm, blank)
        .replace(/`[^`\n]*`/g, blank),
    }),
  );
  const texts = literals
    .filter(({ node }) => !ts.isRegularExpressionLiteral(node) && /\S\s\S/.test(node.text))
    .map(({ start, end }) => ({ start, text: text.slice(start, end) }));
  return [...comments, ...texts];
}

let count = 0;
for (const path of places.flatMap(filesBelow)) {
  const text = readFileSync(root + path, 'utf8');
  if (!anywhere.test(text)) continue;
  for (const part of path.endsWith('.md') ? pageProse(text) : sourceProse(text, path)) {
    for (const { found, instead } of refused) {
      for (const { index, 0: phrase } of part.text.matchAll(found)) {
        const line = text.slice(0, part.start + index).split('\n').length;
        process.stdout.write(`${path}:${line} “${phrase.replace(/\s+/g, ' ')}”: write ${instead}\n`);
        count += 1;
      }
    }
  }
}
process.exit(count === 0 ? 0 : 1);
