import { createInterface } from 'node:readline';
import type { Narrator } from './narrator.js';

export interface SignInByHand {
  authUrl: string;
  login: string;
  password: string;
  signal: AbortSignal;
}

/**
 * Shows the link and waits for the user to paste the code from Mooring's page.
 * @throws Error when standard input ends without one.
 */
export async function askForCode(narrator: Narrator, signIn: SignInByHand): Promise<string> {
  narrator.line('\n      Open this in your browser:');
  narrator.reveal(`\n${signIn.authUrl}\n`);
  narrator.reveal(`      Sign in as    ${signIn.login}`);
  narrator.reveal(`      with password ${signIn.password}`);
  narrator.line('      allow access, copy the code that Mooring shows you, paste it here and press Enter.');
  // Without terminal mode Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, terminal: false, signal: signIn.signal });
  try {
    for await (const line of lines) {
      const code = line.trim();
      if (code !== '') return code;
    }
  } finally {
    lines.close();
  }
  signIn.signal.throwIfAborted();
  throw new Error('No code was pasted: standard input has ended.');
}
