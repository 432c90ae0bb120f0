// Every secret that this process created or received, so that tests can search for leaks.

const known = new Map<string, string>();
const noSecrets = new Set<string>();

/** Descriptions of secrets by value, in the order in which they became known. */
export const knownSecrets: ReadonlyMap<string, string> = known;

/** Limits of the length and depth to search: tests send megabytes, and deeply nested values. */
const charactersMax = 1024;
const levelsMax = 20;

/**
 * Whether a match of the value proves a leak. False for values shorter than eight characters, single words, and repetitions of
 * a few characters, such as `secret`, `password` and `aaaaaaaaaaaa`.
 */
const isTellable = (value: string): boolean =>
  value.length >= 8 && new Set(value).size >= 5 && !/^\p{L}{8,20}$/u.test(value);

/** Each line of a multi-line text is a secret, except the frame of a PEM. */
const linesOf = (value: string): string[] => value.split(/\r?\n/).filter((line) => !line.startsWith('-----'));

/**
 * @param what description for reports of a match, such as `password of alice`
 * @returns the value
 */
export function knowSecret(what: string, value: string): string {
  for (const line of linesOf(value)) {
    const secret = line.slice(0, charactersMax);
    if (isTellable(secret) && !known.has(secret) && !noSecrets.has(secret)) known.set(secret, what);
  }
  return value;
}

/** For a value that is also sent where secrets are; call it before that. */
export function knowNoSecret(value: string): void {
  noSecrets.add(value);
}

/** Forgets all: the next test file in the same process has its own secrets. */
export function forgetSecrets(): void {
  known.clear();
  noSecrets.clear();
}

/** Names of JSON members that contain a secret, of Mooring and of OAuth. */
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
 * All strings in members with this name, at any depth; for `{ name, value }` pairs and files below it, the values. A string
 * that is JSON is parsed.
 * @param body JSON, parsed or as text
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
