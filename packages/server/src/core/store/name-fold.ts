/**
 * Sort key of a name: without case and accents, compatibility forms unified. The same in every locale, so that it can
 * be stored and indexed.
 */
export const nameFold = (name: string): string =>
  name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().normalize('NFC');

/** Sigma depends on whether a letter follows, and jamo join: these fold by their neighbours, all others alone. */
const foldsByNeighbours = /[ςσ\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff]+/u;

/** What the folded form of every name begins with that begins with this text, in any case; may be empty. */
export const foldedStart = (text: string): string => nameFold(text).split(foldsByNeighbours)[0] ?? '';

/** What the folded form of every name contains that contains this text, in any case; may be empty. */
export const foldedPart = (text: string): string =>
  nameFold(text)
    .split(foldsByNeighbours)
    .reduce((longest, part) => (part.length > longest.length ? part : longest), '');
