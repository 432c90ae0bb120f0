import type { Findings } from '../../interface/session.js';
import { repeatsSecret } from '../server-words.js';

const lengthMax = 200;
const notesMax = 20;
/** Beyond this, a text is not inspected, so not shown either. */
const inspectedMax = 65_536;

/**
 * Findings as callers may see them: texts of a server as one line of at most 200 characters, without those that repeat
 * a secret of the login.
 */
export function shownFindings(found: Findings, login: Readonly<Record<string, unknown>>): Findings {
  const shown = (text: unknown): string | undefined => {
    if (typeof text !== 'string' || text.length > inspectedMax) return undefined;
    const line = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
    if (repeatsSecret(text, login) || repeatsSecret(line, login)) return undefined;
    return [...line.slice(0, 2 * lengthMax)].slice(0, lengthMax).join('') || undefined;
  };
  const { server, account, readOnly, pooler, hostKey, notes = [] } = found;
  const product = shown(server?.product);
  const as = shown(account);
  const algorithm = shown(hostKey?.algorithm);
  const sha256 = shown(hostKey?.sha256);
  const told = notes.slice(0, notesMax).flatMap((note) => {
    const text = shown(note.text);
    const remedy = shown(note.remedy);
    return text === undefined ? [] : [{ text, ...(remedy === undefined ? {} : { remedy }) }];
  });
  return {
    ...(product === undefined ? {} : { server: { product, version: shown(server?.version) ?? '' } }),
    ...(as === undefined ? {} : { account: as }),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(pooler === undefined ? {} : { pooler }),
    ...(algorithm === undefined || sha256 === undefined ? {} : { hostKey: { algorithm, sha256 } }),
    ...(told.length === 0 ? {} : { notes: told }),
  };
}
