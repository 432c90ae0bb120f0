// What `npm run new-source` leaves to be filled in.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Blank {
  file: string;
  line: number;
  /** What belongs there. */
  what: string;
}

/** In the order in which a source is filled in. */
const order = ['properties.ts', 'source.ts', 'connector.ts', 'harness.ts'];

const placeOf = (file: string) => (order.includes(file) ? order.indexOf(file) : order.length);

/** Lines marked FILL IN in the files of a source. @param folder its folder, which may not exist */
export function blanksIn(folder: URL): Blank[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .toSorted((one, other) => placeOf(one) - placeOf(other))
    .flatMap((file) =>
      readFileSync(new URL(file, folder), 'utf8')
        .split('\n')
        .flatMap((text, at) => {
          const [, what] = /\/\/ FILL IN: (.*)/.exec(text) ?? [];
          return what === undefined ? [] : [{ file, line: at + 1, what }];
        }),
    );
}
