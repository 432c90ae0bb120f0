import { sha256 } from '../crypto/digest.js';
import { newToken } from '../crypto/random.js';

/** Request and response header of the echo. */
export const echoHeader = 'mooring-echo';

export type Echo = ReturnType<typeof createEcho>;

export function createEcho() {
  const secret = newToken();
  /** The answer that only this process gives to that text. It reveals nothing else. */
  return { answer: (text: string) => sha256(`${secret} ${text.slice(0, 128)}`) };
}
