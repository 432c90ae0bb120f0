// Each preset against the lab's authorization server with the ways of its provider. Only endpoints and issuer are
// replaced; everything else of the preset is as it ships. Nothing here was run against a provider itself.

import { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { findProvider } from '@mooring/connectors/providers/registry';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { imitateProvider } from '@mooring/lab/imitated-provider';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hiddenClient } from '../config/hidden-client.js';
import { type ImitatedWays, providerWays } from './__fixtures__/provider-ways.js';
import { gateOf } from './__fixtures__/token-server.js';
import { authorizationUrl, createSignInSecrets } from './authorization-url.js';
import { exchangeCode } from './code-grant.js';
import { OAuthError } from './oauth-error.js';
import { refreshGrant } from './refresh-grant.js';
import type { TokenSet } from './types.js';

const network = gateOf();
/** In addition to the preset's own: what a user writes into `scope`. */
const ownScope = 'write';

/** The preset without one datum at a time: each must be missed. */
function* without(preset: OAuthPreset): Generator<[string, OAuthPreset]> {
  for (const name of ['scopes', 'accountScopes'] as const) {
    for (const scope of preset[name] ?? []) {
      if (scope === ownScope) continue;
      yield [`${name} ${scope}`, { ...preset, [name]: preset[name]?.filter((each) => each !== scope) }];
    }
  }
  for (const name of Object.keys(preset.authorizationParameters ?? {})) {
    const { [name]: _, ...authorizationParameters } = preset.authorizationParameters ?? {};
    yield [`authorizationParameters ${name}`, { ...preset, authorizationParameters }];
  }
  const isPost = preset.clientAuthentication === 'client_secret_post';
  const clientAuthentication = isPost ? 'client_secret_basic' : 'client_secret_post';
  yield ['clientAuthentication', { ...preset, clientAuthentication }];
  for (const name of [
    'issuer',
    'idTokenIssuer',
    'scopeSeparator',
    'account',
    'bearerName',
    'tokenLifeSeconds',
  ] as const) {
    const { [name]: found, ...rest } = preset;
    if (found !== undefined) yield [name, rest as OAuthPreset];
  }
  if (preset.grantedScopeSeparator)
    yield ['grantedScopeSeparator', { ...preset, grantedScopeSeparator: ' ' }];
}

describe('O16, O24, O26: a preset, against the lab with the ways of its provider', () => {
  let labs: Record<'rotating' | 'keeping', LabAuthorizationServer>;
  let application: LoopbackServer;

  beforeAll(async () => {
    labs = {
      rotating: await startAuthorizationServer(),
      keeping: await startAuthorizationServer({ rotate: false }),
    };
    application = await listenOnLoopback(0, () => (_, response) => response.end('arrived'));
    for (const lab of Object.values(labs)) lab.addRedirectUri(`${application.url}/callback`);
  });
  afterAll(async () => {
    await application?.close();
    for (const lab of Object.values(labs ?? {})) await lab.close();
  });

  /** A whole life: signs in, refreshes twice, is revoked, and learns of it. */
  async function live(ways: ImitatedWays, preset: OAuthPreset) {
    const lab = ways.rotates ? labs.rotating : labs.keeping;
    const redirectUri = `${application.url}/callback`;
    const setup = { preset, client: hiddenClient(lab.client), network, now: Date.now };
    const secrets = createSignInSecrets();
    const authUrl = await authorizationUrl({ ...setup, redirectUri, ...secrets });
    const page = await fetch(authUrl, { redirect: 'manual' });
    const { login, password } = lab.users[0];
    const { finalUrl } = await walkSignIn({ authUrl: page.headers.get('location') ?? '', login, password });
    const code = new URL(finalUrl).searchParams.get('code') ?? '';
    const now = Date.now();
    const { codeVerifier } = secrets;
    const tokens = await exchangeCode({
      ...setup,
      redirectUri,
      code: new Secret(code),
      codeVerifier,
      now: () => now,
    });
    const renewed: TokenSet[] = [];
    let dead: unknown;
    for (let round = 0; round < 2 && tokens.refreshToken !== undefined; round += 1) {
      const { refreshToken = new Secret('') } = renewed[0] ?? tokens;
      renewed.unshift(await refreshGrant({ ...setup, refreshToken, now: () => now }));
    }
    const [last, before] = renewed;
    if (last?.refreshToken !== undefined) {
      lab.revokeGrantsOf(login);
      const { refreshToken } = last;
      dead = await refreshGrant({ ...setup, refreshToken }).catch((error: unknown) => error);
    }
    const lifeOf = ({ expiresAt }: TokenSet) => expiresAt && (expiresAt - now) / 1000;
    return {
      subject: tokens.subject,
      email: tokens.email,
      scope: tokens.scope?.split(' ').toSorted(),
      lifeSeconds: lifeOf(tokens),
      renewedLifeSeconds: last && lifeOf(last),
      isRenewable: tokens.refreshToken !== undefined,
      isRotated: last?.refreshToken !== undefined && !last.refreshToken.equals(before?.refreshToken),
      dead: dead instanceof OAuthError ? [dead.kind, dead.reason] : undefined,
    };
  }

  it.each(providerWays.map((ways) => [`${ways.provider} ${ways.variant ?? ''}`.trim(), ways] as const))(
    '%s: signs in, refreshes, learns of its end, and needs each part of its data',
    async (_name, ways) => {
      const shipped = findProvider(ways.provider)?.preset(ways.place ?? '');
      if (!shipped) throw new Error(`there is no ${ways.provider}`);
      const lab = ways.rotates ? labs.rotating : labs.keeping;
      const front = await imitateProvider(lab, ways);
      const preset: OAuthPreset = {
        ...shipped,
        scopes: [...new Set([...shipped.scopes, ownScope])],
        authorizationEndpoint: front.authorizationEndpoint,
        tokenEndpoint: front.tokenEndpoint,
        ...(shipped.issuer && !ways.issuer ? { issuer: lab.issuer } : {}),
        ...(shipped.account?.endpoint
          ? { account: { ...shipped.account, endpoint: front.accountEndpoint } }
          : {}),
      };
      const { expected } = ways;
      const whole = await live(ways, preset);
      expect(whole).toEqual({
        subject: expected.subject,
        email: expected.email,
        scope: expected.scope.split(' ').toSorted(),
        lifeSeconds: expected.lifeSeconds,
        renewedLifeSeconds: expected.isRenewable ? expected.lifeSeconds : undefined,
        isRenewable: expected.isRenewable,
        isRotated: expected.isRenewable && ways.rotates,
        dead: expected.isRenewable ? ['grant_dead', expected.deadReason] : undefined,
      });
      for (const [datum, lacking] of without(preset)) {
        if (ways.unmissed?.includes(datum)) continue;
        const poorer = await live(ways, lacking).catch((error: unknown) => error);
        expect(poorer, `${ways.provider} without ${datum}`).not.toEqual(whole);
      }
      await front.close();
    },
  );
});
