import { ConnectorError } from '../interface/errors.js';

declare global {
  // ES2024: Node 20 has it, the library of our compile target does not declare it.
  interface String {
    isWellFormed(): boolean;
  }
}

/** True for text with a lone surrogate, which UTF-8 cannot encode: encoding would replace it with another character. */
export const hasHalfCharacter = (text: string): boolean => !text.isWellFormed();

export const halfCharacterRemedy =
  'Ask for NDJSON, which writes it as an escape, or leave the column out with columns.';

/** @throws ConnectorError `unsupported` for a name that UTF-8 cannot encode */
export function assertNamesEncodable(names: readonly string[]): void {
  const name = names.find(hasHalfCharacter);
  if (name === undefined) return;
  throw new ConnectorError(
    'unsupported',
    `The name of column ${JSON.stringify(name.slice(0, 128))} has half of a character (a lone surrogate).`,
    { remedy: halfCharacterRemedy },
  );
}
