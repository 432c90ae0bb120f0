import ssh2, { type AnyAuthMethod, type AuthHandlerMiddleware, type ParsedKey } from 'ssh2';
import { SshFailure } from './errors.js';
import type { SshLogin } from './login.js';
import { openKey } from './private-key.js';

// Which methods are tried (RFC 4252): those that the server offers, each once. A refused password is not sent again in
// another form, because servers count refusals.

export interface AuthenticationSteps {
  username: string;
  /** @param fail ends the connection */
  handlerOf(fail: (failure: Error) => void): AuthHandlerMiddleware;
}

/** @throws SshFailure for a key that cannot be opened */
function openedKey(login: SshLogin): ParsedKey | undefined {
  const text = login.privateKey?.reveal()[0]?.value;
  if (text === undefined) return undefined;
  const opened = openKey(text, login.passphrase?.reveal());
  const parsed = 'problem' in opened ? undefined : ssh2.utils.parseKey(opened.text, opened.passphrase);
  // Typed as one key, but some formats hold several.
  const key = Array.isArray(parsed) ? (parsed[0] as ParsedKey) : parsed;
  if (key === undefined || key instanceof Error || !key.isPrivateKey())
    throw new SshFailure('SSH_KEY_NOT_OPENED');
  return key;
}

/** A key that makes no SHA-1 signature, which the driver would make for servers that name no others. */
function withoutSha1(key: ParsedKey, fail: (failure: Error) => void): ParsedKey {
  const sign = key.sign.bind(key);
  key.sign = (data, algorithm) => {
    if (algorithm !== 'sha1') return sign(data, algorithm);
    const failure = new SshFailure('SSH_OLD_SIGNATURES');
    fail(failure);
    return failure as never;
  };
  return key;
}

type Method = 'publickey' | 'password' | 'keyboard-interactive';

/** @throws SshFailure for a key that cannot be opened */
export function authenticationSteps(login: SshLogin): AuthenticationSteps {
  const { username, password } = login;
  const key = openedKey(login);
  const wanted: readonly Method[] = [
    ...(key ? (['publickey'] as const) : []),
    ...(password ? (['password', 'keyboard-interactive'] as const) : []),
  ];
  return {
    username,
    handlerOf(fail) {
      const left = new Set<Method>(wanted);
      let isFirst = true;
      const methodOf = (type: Method): AnyAuthMethod => {
        if (type === 'publickey') return { type, username, key: withoutSha1(key as ParsedKey, fail) };
        if (type === 'password') return { type, username, password: password?.reveal() ?? '' };
        let isAnswered = false;
        const prompt = (...given: unknown[]) => {
          const [prompts, finish] = given.slice(3) as [{ echo?: boolean }[], (answers: string[]) => void];
          // The one hidden question is for the password. Anything else is for a human.
          if (isAnswered || prompts.length !== 1 || prompts[0]?.echo === true)
            return fail(new SshFailure('SSH_MORE_REQUIRED'));
          isAnswered = true;
          finish([password?.reveal() ?? '']);
        };
        return { type, username, prompt } as AnyAuthMethod;
      };
      return (offered: readonly string[] | null, isPartial, next) => {
        if (isFirst) {
          isFirst = false;
          // Asks what the server offers. Source: RFC 4252 section 5.2.
          return next({ type: 'none', username } as AnyAuthMethod);
        }
        const has = (method: Method) => left.has(method) && (offered ?? []).includes(method);
        const tried = left.size < wanted.length;
        const method = tried && !isPartial ? undefined : wanted.find(has);
        if (method === undefined) {
          if (isPartial) return fail(new SshFailure('SSH_MORE_REQUIRED'));
          return fail(new SshFailure(tried ? 'SSH_SIGN_IN_REFUSED' : 'SSH_METHOD_NOT_OFFERED'));
        }
        if (method === 'publickey') left.delete(method);
        else for (const ofPassword of ['password', 'keyboard-interactive'] as const) left.delete(ofPassword);
        next(methodOf(method));
      };
    },
  };
}
