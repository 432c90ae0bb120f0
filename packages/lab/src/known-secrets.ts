// Every secret that this process made or was given, so that tests can look for it where it must not be.

const known = new Map<string, string>();
const noSecrets = new Set<string>();

/** What each secret is, by its value, in the order in which they became known. */
export const knownSecrets: ReadonlyMap<string, string> = known;

/** Limits of the search, in characters and levels: tests send megabytes and deep nesting. */
const charactersMax = 1024;
const levelsMax = 20;

/**
 * Whether a value would be found only where it was put. Not so: what is shorter than eight characters, a single
 * word, and repetitions of a few characters, such as `secret`, `password` and `aaaaaaaaaaaa`.
 */
const isTellable = (value: string): boolean =>
  value.length >= 8 && new Set(value).size >= 5 && !/^\p{L}{8,20}$/u.test(value);

/** Each line of a multi-line secret counts as a secret, except the PEM header and footer. */
/** Public: servers and clients show them to each other, and two of one authority share lines. */
const certificates = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
export const withoutCertificates = (value: string): string => value.replace(certificates, '');
const linesOf = (value: string): string[] =>
  withoutCertificates(value)
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('-----'));

/**
 * @param what name of the secret in reports, such as `password of alice`.
 * @returns the value
 */
export function knowSecret(what: string, value: string): string {
  for (const line of linesOf(value)) {
    const secret = line.slice(0, charactersMax);
    if (isTellable(secret) && !known.has(secret) && !noSecrets.has(secret)) known.set(secret, what);
  }
  return value;
}

/** Of a value that is also sent where secrets are; before it is. */
export function knowNoSecret(value: string): void {
  noSecrets.add(value);
}

/** Forgets all secrets: test files that share a process must not see each other's. */
export function forgetSecrets(): void {
  known.clear();
  noSecrets.clear();
}

/** Members of JSON that hold a secret, in the words of Mooring and of OAuth. */
const secretName = /(password|passphrase|secret|token|private_?key|auth_?code|api_?key|assertion)$/i;

export const isSecretName = (name: string): boolean => secretName.test(name);

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Every text that a member of this name holds, at any depth; of `{ name, value }` pairs and files below it, the
 * values. A text that is JSON counts as what it says.
 * @param body JSON, or as a text.
 */
export function knowSecretsIn(what: string, body: unknown, isSecret = isSecretName): void {
  const visit = (value: unknown, name: string, secretAbove: boolean, levels = levelsMax): void => {
    if (levels === 0) return;
    if (typeof value === 'string') {
      const json = value.trimStart().startsWith('{') ? asJson(value) : undefined;
      if (json !== undefined) visit(json, name, false, levels - 1);
      else if (isSecret(name) || (secretAbove && name === 'value')) knowSecret(`${name} ${what}`, value);
    } else if (Array.isArray(value)) {
      for (const one of value) visit(one, name, secretAbove, levels - 1);
    } else if (typeof value === 'object' && value !== null) {
      for (const [member, one] of Object.entries(value))
        visit(one, member, secretAbove || isSecret(name), levels - 1);
    }
  };
  visit(typeof body === 'string' ? asJson(body) : body, '', false);
}
