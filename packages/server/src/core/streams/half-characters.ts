import { ConnectorError } from '@mooring/connectors/spec/errors';

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

/** @throws ConnectorError `unsupported` for a name that UTF-8 has no bytes for */
export function assertNamesEncodable(names: readonly string[]): void {
  const name = names.find(hasHalfCharacter);
  if (name === undefined) return;
  throw new ConnectorError(
    'unsupported',
    `The name of column ${JSON.stringify(name.slice(0, 128))} has half of a character (a lone surrogate).`,
    { remedy: halfCharacterRemedy },
  );
}
