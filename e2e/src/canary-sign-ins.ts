import { walkSignIn } from '@mooring/lab/sign-in-walk';
import type { CanaryStand } from './canary-stand.js';
import { codeOnPage } from './sign-in-lab.js';

// Interactive sign-ins of the canary run, and the secrets that they create.

/** Signs in as a user would, and keeps what passed through the address bar. @returns the code on the page */
export async function signIn(
  { lab, places, secrets, handedOut, keep }: CanaryStand,
  authUrl: string,
): Promise<string> {
  const { authorizationServer } = lab;
  const asked = new URL(authUrl).searchParams;
  authorizationServer.addRedirectUri(asked.get('redirect_uri') ?? '');
  const [{ login, password }] = authorizationServer.users;
  const { finalUrl, html } = await walkSignIn({ authUrl, login, password });
  places.push({ name: 'the callback page', bytes: Buffer.from(html) });
  keep(`authorization code ${secrets.size}`, new URL(finalUrl).searchParams.get('code') ?? '');
  const code = codeOnPage(html);
  handedOut.set(`code on the page ${handedOut.size}`, code);
  handedOut.set(`state ${handedOut.size}`, asked.get('state') ?? '');
  return code;
}

const passing = {
  'token of the provider': /"(?:access_token|refresh_token|id_token)":"([^"]+)"/g,
  'secret of the service': /(?:^|[&\s])(?:code_verifier|refresh_token|client_secret|token)=([^&\s]+)/g,
  'login of the client': /authorization: Basic (\S+)/gi,
};

/** Keeps the secrets exchanged between the service and the provider. @returns how many of each kind */
export function keepWhatPassedTheRelay({ lab, keep }: CanaryStand): number[] {
  const passed = Buffer.concat([...lab.relay.sent(), ...lab.relay.answered()]).toString('latin1');
  return Object.entries(passing).map(([kind, pattern]) => {
    const values = new Set([...passed.matchAll(pattern)].map(([, value = '']) => value));
    for (const value of values) keep(`${kind} ${value.slice(0, 4)}…`, value);
    return values.size;
  });
}
