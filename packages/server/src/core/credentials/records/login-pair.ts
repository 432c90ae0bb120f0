import { Secret } from '@mooring/connectors/spec/secret';
import type { SignInMethod } from '@mooring/connectors/spec/sign-in';
import { invalidField } from '../../errors/app-error.js';

/** The pair in which Qlik's API carries a credential. */
export interface LoginPair {
  qUsername?: string | undefined;
  qPassword?: Secret<string> | undefined;
}

/** The pair of a request, its password hidden. */
export const loginPair = ({
  qUsername,
  qPassword,
}: {
  qUsername?: string | undefined;
  qPassword?: string | undefined;
}): LoginPair => ({ qUsername, qPassword: qPassword === undefined ? undefined : new Secret(qPassword) });

/**
 * The pair as properties of the source: the two fields that a sign-in method requires (user and password, access key and
 * secret key), or its one secret. Nothing for an empty pair.
 * @throws InvalidRequest for a method without such fields
 */
export function loginProperties(method: SignInMethod, login: LoginPair): Record<string, unknown> {
  if (login.qUsername === undefined && login.qPassword === undefined) return {};
  const [first, second, third] = method.required;
  const [userField, secretField] = second === undefined ? [undefined, first] : [first, second];
  if (secretField === undefined || third !== undefined) {
    throw invalidField('qPassword', `is not used for sign-in by ${method.label}`);
  }
  if (login.qUsername && userField === undefined) {
    throw invalidField('qUsername', `is not used for sign-in by ${method.label}`);
  }
  return {
    ...(login.qUsername !== undefined && userField !== undefined ? { [userField]: login.qUsername } : {}),
    ...(login.qPassword === undefined ? {} : { [secretField]: login.qPassword }),
  };
}
