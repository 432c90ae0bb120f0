declare global {
  // ES2024, which Node 20 has and the library of our target does not name.
  interface String {
    isWellFormed(): boolean;
  }
}

/** Half of a surrogate pair stands in it, which UTF-8 has no bytes for: encoding would put another character in its place. */
export const hasHalfCharacter = (text: string): boolean => !text.isWellFormed();

export const halfCharacterRemedy =
  'Ask for NDJSON, which writes it as an escape, or leave the column out with columns.';
