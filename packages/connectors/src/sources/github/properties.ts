import { z } from 'zod';
import { apiClientSecrets, apiLogins, apiProperties } from '../../families/api/sign-in.js';
import { line, property } from '../../interface/fields.js';
import type { Values } from '../../interface/login.js';
import { presetAt } from '../../interface/provider.js';
import type { InputOf } from '../../interface/source.js';
import { provider } from '../../providers/github.js';

const publicApi = 'https://api.github.com';
const name = /^[A-Za-z0-9][A-Za-z0-9-]*$/;

export const properties = z.strictObject({
  ...apiProperties({
    url: publicApi,
    urls: 'https://api.github.com, or https://HOST/api/v3 of a GitHub Enterprise Server.',
    scope: 'repo',
    scopes:
      'Scopes of an OAuth app, separated by spaces. No scope only reads private repositories; a GitHub App has permissions instead.',
  }),
  organization: property(line(39).regex(name, 'must be the name of an organization'), {
    title: 'Organization',
    description: 'Lists the repositories of this organization. Default: all that the user has access to.',
    decides: 'nothing',
  }).optional(),
});

/** An Enterprise Server has its own sign-in page, and no client of the operator. */
function presetOf({ url = publicApi, scope = '' }: Values) {
  const { origin } = new URL(String(url));
  const scopes = String(scope).split(' ').filter(Boolean);
  if (origin === publicApi) return { ...presetAt(provider), scopes };
  return {
    ...{ ...provider.preset(''), scopes, authorizationEndpoint: `${origin}/login/oauth/authorize` },
    tokenEndpoint: `${origin}/login/oauth/access_token`,
    deviceAuthorizationEndpoint: `${origin}/login/device/code`,
    account: { endpoint: `${origin}/api/v3/user`, subject: '/id', email: '/email' },
  };
}

export const clientSecrets = apiClientSecrets;

export const logins = apiLogins(presetOf, {
  label: 'Sign in with GitHub',
  title: 'Personal access token',
  description: 'Fine-grained with read access to the repositories, or classic with the scope repo.',
});

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
