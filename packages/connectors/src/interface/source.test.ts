import { expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { property, secret, type Typed } from './fields.js';
import type { LoginOf, TokenSource } from './login.js';
import type { Secret } from './secret.js';
import type { OAuthSignIn } from './sign-in.js';

const meta = { title: 'T', description: 'D' };
const user = property(z.string(), { ...meta, holder: 'credential' });
const password = secret(z.string(), meta);
const passphrase = secret(z.string(), meta).optional();
const logins = {
  password: { label: 'Password', fields: { user, password }, required: ['user', 'password'] },
  key: { label: 'Key', fields: { user, passphrase }, required: ['user'] },
  provider: { label: 'Provider', fields: {}, required: [], oauth: {} as OAuthSignIn },
};

it('hides secrets in the types that a connector receives, and tells logins apart by their method', () => {
  expectTypeOf<Typed<(typeof logins)['password']['fields']>>().toEqualTypeOf<{
    user: string;
    password: Secret<string>;
  }>();
  expectTypeOf<Typed<(typeof logins)['key']['fields']>['passphrase']>().toEqualTypeOf<
    Secret<string> | undefined
  >();
  const use = (login: LoginOf<typeof logins>) => {
    if (login.method === 'password') expectTypeOf(login.fields.password).toEqualTypeOf<Secret<string>>();
    if (login.method === 'provider') expectTypeOf(login.token).toEqualTypeOf<TokenSource>();
    if (login.method === 'key') expectTypeOf(login.token).toEqualTypeOf<undefined>();
  };
  expectTypeOf(use).toBeFunction();
});
