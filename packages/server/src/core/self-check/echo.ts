import { sha256 } from '../crypto/digest.js';
import { newToken } from '../crypto/random.js';

/** Request and response header of the echo. */
export const echoHeader = 'mooring-echo';

export interface Echo {
  /** The answer that only this process gives to that text. It reveals nothing else. */
  answer(text: string): string;
}

export function createEcho(): Echo {
  const secret = newToken();
  return { answer: (text) => sha256(`${secret} ${text.slice(0, 128)}`) };
}
