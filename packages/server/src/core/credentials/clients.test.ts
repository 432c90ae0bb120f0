import { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset, SignInMethod } from '@mooring/connectors/interface/sign-in';
import { describe, expect, it } from 'vitest';
import type { OAuthClientSettings } from '../config/config.js';
import { plain } from '../oauth/__fixtures__/plain-secrets.js';
import { type ClientConfiguration, clientConfiguration } from './grants/client-configuration.js';

// Whose client an exchange has, and where it goes: `grants/client-configuration.ts`.

const method = (parts: Partial<SignInMethod>): SignInMethod =>
  ({ id: 'm', label: 'the method', fields: [], required: [], ...parts }) as SignInMethod;

describe('the client of an exchange', () => {
  const preset: OAuthPreset = {
    provider: 'slack',
    authorizationEndpoint: 'https://slack.example/authorize',
    tokenEndpoint: 'https://slack.example/token',
    revocationEndpoint: 'https://slack.example/revoke',
    deviceAuthorizationEndpoint: 'https://slack.example/device',
    pushedAuthorizationRequestEndpoint: 'https://slack.example/par',
    issuer: 'https://slack.example',
    account: { endpoint: 'https://slack.example/me', subject: '/id' },
    scopes: ['read'],
    clientAuthentication: 'client_secret_basic',
  };
  const clientFields = {
    ...{ clientId: 'clientId', clientSecret: 'clientSecret', tokensGoTo: 'url' },
    ...{ privateKey: 'clientPrivateKey', keyId: 'clientKeyId' },
  };
  const secret = new Secret('canary-of-a-rule');
  const settings = (more: object = {}) => ({ clientId: 'operators', ...more }) as OAuthClientSettings;
  const read = (
    oauth: Partial<NonNullable<SignInMethod['oauth']>>,
    clients: Record<string, OAuthClientSettings>,
    given: { definition?: object; secrets?: object; login?: object } = {},
  ) =>
    clientConfiguration(
      {
        method: method({ oauth: { grant: 'authorization_code', preset: () => preset, ...oauth } }),
        ...{ definition: {}, secrets: {}, ...given },
      } as Parameters<typeof clientConfiguration>[0],
      clients,
    );
  const endpoints = ({ preset: found }: ClientConfiguration) =>
    Object.values(found).filter((value) => String(value).includes('slack.example'));

  it('L4: the operator’s client is for its place, and for origins that the operator has named', () => {
    const at = (place: string | undefined, more: object) =>
      read({ preset: () => ({ ...preset, ...(place ? { place } : {}) }) }, { slack: settings(more) });
    expect(at('a', { place: 'a' }).client.clientId).toBe('operators');
    for (const more of [{}, { place: 'b' }]) expect(at(undefined, more).client.clientId).toBe('operators');
    expect(() => at('a', { place: 'b' })).toThrow('is for b');
    expect(() => at('a', {})).toThrow('oauth.clients.slack.place');
    expect(() => read({}, {})).toThrow(/: This server has no OAuth client for slack/);
    expect(() => read({ clientFields }, {})).toThrow(/clientId: is required: this server/);
    const goingTo = (url: unknown, origins?: string[]) =>
      read({ clientFields }, { slack: settings({ origins }) }, { definition: { url } });
    const origins = ['https://b.example', 'https://a.example/ignored'];
    expect(goingTo('https://a.example/x', origins).client.clientId).toBe('operators');
    for (const url of [
      'https://a.example:444/',
      'http://a.example/',
      'https://a.example.org',
      'x',
      7,
      undefined,
    ])
      expect(() => goingTo(url, origins), String(url)).toThrow('slack.origins');
    expect(() => goingTo('https://a.example/x')).toThrow('slack.origins');
  });

  it('L4: a program never gets the operator’s client, and a connection with its own never uses another', () => {
    const clients = { slack: settings({ origins: ['https://a.example'] }) };
    const definition = { url: 'https://a.example/', clientId: 'mine' };
    const own = read({ clientFields }, clients, { definition, secrets: { clientSecret: secret } });
    expect(plain(own.client)).toEqual({ clientId: 'mine', clientSecret: 'canary-of-a-rule' });
    expect(own.preset).not.toHaveProperty('provider');
    // Nor does one whose provider has no name that an operator could have a client for.
    const { provider: _, ...nameless } = preset;
    expect(() => read({ clientFields, preset: () => nameless }, clients, { definition: {} })).toThrow(
      'clientId: is required for sign-in by the method',
    );
    const grant = 'client_credentials' as const;
    expect(() => read({ grant, clientFields }, clients, { definition: { url: definition.url } })).toThrow(
      'clientId: is required',
    );
    // Without a field for it, a method has only the operator's.
    expect(read({}, clients, { definition }).client.clientId).toBe('operators');
    expect(() => clientConfiguration({ method: method({}), definition: {}, secrets: {} }, clients)).toThrow(
      'not an OAuth sign-in',
    );
  });

  it('a client signs with its key and names it, and needs one if its method says so', () => {
    const key = { clientPrivateKey: secret };
    const definition = { clientId: 'mine', clientKeyId: 'k1' };
    const byKey = { ...preset, clientAuthentication: 'private_key_jwt' as const };
    const own = read({ clientFields, preset: () => byKey }, {}, { definition, secrets: key });
    expect(plain(own.client)).toEqual({ clientId: 'mine', privateKey: 'canary-of-a-rule', keyId: 'k1' });
    expect(() => read({ clientFields, preset: () => byKey }, {}, { definition })).toThrow('clientPrivateKey');
    const plainText = { clientPrivateKey: 'not hidden', clientSecret: new Secret(7) };
    const odd = read({ clientFields }, {}, { definition: { clientId: 'mine' }, secrets: plainText });
    expect(plain(odd.client)).toEqual({ clientId: 'mine' });

    const both = settings({ clientSecret: secret, privateKey: secret, keyId: 'k', loopbackRedirect: true });
    const found = read({}, { slack: both });
    expect(found.isNative).toBe(true);
    const hidden = { clientSecret: 'canary-of-a-rule', privateKey: 'canary-of-a-rule' };
    expect(plain(found.client)).toEqual({ clientId: 'operators', ...hidden, keyId: 'k' });
    expect(found.preset.clientAuthentication).toBe('client_secret_basic');
    const alone = read({}, { slack: settings({ privateKey: secret }) });
    expect(alone.preset.clientAuthentication).toBe('private_key_jwt');
    expect(plain(alone.client)).toEqual({ clientId: 'operators', privateKey: 'canary-of-a-rule' });
    expect(alone).not.toHaveProperty('isNative');
  });

  it('L4: where the operator names the endpoints, nothing goes to those of the provider', () => {
    const pointed = (more: object) => read({}, { slack: settings(more) });
    expect(endpoints(pointed({}))).toHaveLength(6);
    const own = { authorizationEndpoint: 'https://own.example/a', tokenEndpoint: 'https://own.example/t' };
    expect(pointed(own).preset).toMatchObject(own);
    expect(endpoints(pointed(own))).toEqual([]);
    expect(pointed(own).preset).not.toHaveProperty('account');
    const issuer = 'https://own.example';
    expect(pointed({ issuer }).preset).toMatchObject({ issuer, tokenEndpoint: '', scopes: ['read'] });
    expect(endpoints(pointed({ issuer }))).toEqual([]);
    expect(pointed({ ...own, issuer }).preset).toMatchObject({ ...own, issuer });
    const { tokenEndpoint, authorizationEndpoint } = own;
    expect(pointed({ issuer, tokenEndpoint }).preset.tokenEndpoint).toBe(tokenEndpoint);
    expect(pointed({ issuer, authorizationEndpoint }).preset).toMatchObject({
      ...{ issuer, authorizationEndpoint, tokenEndpoint: preset.tokenEndpoint },
    });
    // Another page of the same provider: the other endpoints stay.
    const page = pointed({ authorizationEndpoint: 'https://own.example/a' });
    expect(page.preset.tokenEndpoint).toBe(preset.tokenEndpoint);
    expect(page.preset.revocationEndpoint).toBe(preset.revocationEndpoint);
    const accountEndpoint = 'https://own.example/me';
    expect(pointed({ ...own, accountEndpoint }).preset.account).toEqual({
      ...{ subject: '/id', email: '/email', endpoint: accountEndpoint },
    });
    const { account: __, ...unknown } = preset;
    expect(read({ preset: () => unknown }, { slack: settings(own) }).preset).not.toHaveProperty('account');
    // An account in the token response needs no request.
    const inAnswer = { ...preset, account: { subject: '/user/id' } };
    expect(read({ preset: () => inAnswer }, { slack: settings(own) }).preset.account).toEqual({
      subject: '/user/id',
    });
  });

  it('a service account signs with the key of its login, and has no client', () => {
    const assertion = {
      claims: ({ who }: { who?: string }) => ({ issuer: `${who}` }),
      privateKey: 'key',
      keyId: 'kid',
    };
    const oauth = { grant: 'jwt_bearer', assertion } as never;
    const login = { key: secret, kid: 'k1', who: 'robot' };
    const found = read(oauth, {}, { definition: { who: 'nobody' }, login });
    expect(plain(found.assertion)).toEqual({ issuer: 'robot', privateKey: 'canary-of-a-rule', keyId: 'k1' });
    expect(found.client.clientId).toBe('');
    expect(read(oauth, {}, { login: { ...login, kid: 7 } }).assertion).not.toHaveProperty('keyId');
    for (const without of [undefined, {}, { key: 'not hidden' }])
      expect(read(oauth, {}, without ? { login: without } : {})).not.toHaveProperty('assertion');
  });
});
