/**
 * Sort key of a name: without case and accents, compatibility forms unified. The same in every locale, so that it can
 * be stored and indexed.
 */
export const nameFold = (name: string): string =>
  name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().normalize('NFC');
