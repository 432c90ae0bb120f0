import { type InlineFiles, inlineFilesSchema, line, property, secret } from '../../interface/fields.js';
import type { Values } from '../../interface/login.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import { revealed, type Secret } from '../../interface/secret.js';
import { examineKey, openKey } from './private-key.js';

/** A file with one private key. An unusable one is refused when it is entered. */
export const sshKeySchema = inlineFilesSchema.max(1).superRefine((files, context) => {
  const examined = examineKey(files[0]?.value ?? '');
  if ('problem' in examined) context.addIssue({ code: 'custom', message: examined.problem });
});

const userName = property(line(256).min(1), {
  title: 'User name',
  description: 'User name on the SSH server.',
  holder: 'credential',
  decides: 'nothing',
});
const password = secret(line(1024).min(1), {
  title: 'Password',
  description: 'Password of the user. With a private key as well: for servers that require both.',
  decides: 'nothing',
}).optional();
const privateKey = secret(sshKeySchema, {
  title: 'Private key',
  description:
    'File with the private key of the user: RSA (2,048 bits or more), ECDSA or Ed25519, in the format of OpenSSH or PEM.',
  decides: 'nothing',
}).optional();
const passphrase = secret(line(1024).min(1), {
  title: 'Passphrase',
  description: 'Passphrase of the private key, if it has one.',
  decides: 'nothing',
}).optional();

/** Names of the properties of a login. */
export interface SshLoginNames {
  username: string;
  password: string;
  privateKey: string;
  passphrase: string;
}

export const sshLoginFields = { username: userName, password, privateKey, privateKeyPassphrase: passphrase };

export const sshLoginNames: SshLoginNames = {
  username: 'username',
  password: 'password',
  privateKey: 'privateKey',
  passphrase: 'privateKeyPassphrase',
};

const textOf = (value: unknown): string | undefined => (revealed(value) as string | undefined) || undefined;

const keyOf = (value: unknown): string | undefined =>
  (revealed(value) as InlineFiles | undefined)?.[0]?.value;

/** A key whose passphrase is missing. */
export function lackingPassphrase(login: Values, names: SshLoginNames): PropertyProblem[] {
  const key = keyOf(login[names.privateKey]);
  if (key === undefined || textOf(login[names.passphrase]) !== undefined) return [];
  const examined = examineKey(key);
  return 'isEncrypted' in examined && examined.isEncrypted
    ? [{ property: names.passphrase, message: 'is required, because the private key is encrypted' }]
    : [];
}

/** A key that its passphrase does not open. */
export function wrongPassphrase(login: Values, names: SshLoginNames): PropertyProblem[] {
  const [key, given] = [keyOf(login[names.privateKey]), textOf(login[names.passphrase])];
  if (key === undefined || given === undefined) return [];
  const opened = openKey(key, given);
  return 'problem' in opened ? [{ property: names.privateKey, message: opened.problem }] : [];
}

/** Sign-in by password or private key. */
export const sshLogin = {
  label: 'Password or private key',
  fields: sshLoginFields,
  required: ['username', ['password', 'privateKey']],
  lacking: (_definition: Values, login: Values) => lackingPassphrase(login, sshLoginNames),
  conflicts: (login: Values) => wrongPassphrase(login, sshLoginNames),
} as const;

/** A login as a client receives it. */
export interface SshLogin {
  username: string;
  password?: Secret<string> | undefined;
  privateKey?: Secret<InlineFiles> | undefined;
  passphrase?: Secret<string> | undefined;
}
