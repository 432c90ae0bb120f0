/**
 * A name as it is ordered where case must not count: without case and without accents, compatible forms made one.
 * The same in every locale, so that it can be stored and indexed.
 */
export const nameFold = (name: string): string =>
  name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().normalize('NFC');
