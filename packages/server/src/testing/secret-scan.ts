import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { forgetSecrets, knownSecrets, knowSecret, knowSecretsIn } from '@mooring/lab/known-secrets';
import { filesIn, type Place, SecretSearch } from './secret-search.js';

// After every test: what its server left behind contains no secret that the test knows.

let search = new SecretSearch();
let added = 0;

export function forgetAllSecrets(): void {
  forgetSecrets();
  search = new SecretSearch();
  added = 0;
}

function searchForAll(): SecretSearch {
  for (const [secret, what] of [...knownSecrets].slice(added)) search.add(what, secret);
  added = knownSecrets.size;
  return search;
}

/** @throws Error that names each known secret and its place */
export function expectNoSecretIn(places: readonly Place[]): void {
  const all = searchForAll();
  const found = places.flatMap((place) => all.in(place));
  if (found.length > 0) throw new Error(`Leaked secrets:\n${found.slice(0, 20).join('\n')}`);
}

/** Adds the secrets of a server's settings to the search. */
export function knowSettings(
  environment: Readonly<Record<string, string>>,
  configuration: object = {},
): void {
  knowSecretsIn('of the configuration', configuration);
  for (const [name, value] of Object.entries(environment)) {
    if (/(KEY|TOKEN|SECRET|PASSWORD)$/.test(name)) knowSecret(name, value);
    if (URL.canParse(value)) knowSecret(`password in ${name}`, decodeURIComponent(new URL(value).password));
  }
}

/** What a server left behind, however it ended. */
export interface Remains {
  log: string;
  printed: readonly string[];
  dataFolder: string;
}

const shownOnce = /^(?:Administrator API key, shown only once: |Set-up link of the administrator.*#)(\S+)$/;

/**
 * Three secrets have an expected place, and are searched for everywhere else: the master key in its file, and the key
 * and the invitation of the first administrator in the lines that print them.
 * @throws Error that says which known secret lies where
 */
export function expectNoSecretInRemains({ log, printed, dataFolder }: Remains): void {
  const shown = printed.map((line) => shownOnce.exec(line)?.[1]);
  for (const key of shown) if (key) knowSecret('way in of the first administrator', key);
  const keyFile = path.join(dataFolder, 'master.key');
  const masterKey = existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : '';
  knowSecret('master key', masterKey);
  knowSecret('bytes of the master key', Buffer.from(masterKey, 'base64').toString('hex'));
  const files = existsSync(dataFolder) ? filesIn(dataFolder) : [];
  expectNoSecretIn([
    { name: 'the log', bytes: Buffer.from(log) },
    { name: 'standard output', bytes: Buffer.from(printed.filter((_, index) => !shown[index]).join('\n')) },
    ...files.map((file) => (file.name === keyFile ? { ...file, mayHold: masterKey } : file)),
  ]);
}
