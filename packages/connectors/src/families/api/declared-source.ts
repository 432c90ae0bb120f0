import { z } from 'zod';
import type { Level } from '../../interface/abilities.js';
import { line, property, secret } from '../../interface/fields.js';
import type { Values } from '../../interface/login.js';
import type { SourceFacts } from '../../interface/manifest.js';
import { type ProviderManifest, presetAt } from '../../interface/provider.js';
import type { OAuthPreset } from '../../interface/sign-in.js';
import { type Connector, defineSource, type InputOf } from '../../interface/source.js';
import { urlEndpoint } from '../../kit/endpoint.js';
import { httpUrl } from '../http/urls.js';
import { apiAbilities } from './abilities.js';

// A source of an API whose lists are declared: users know a token, or sign in on a page of the service.

/** Seconds that a read may wait for the ends of rate limits. */
export const waitSeconds = 60;

export interface DeclaredSource<Own extends z.ZodRawShape> extends Omit<SourceFacts, 'category'> {
  provider: ProviderManifest;
  /** Default of the API URL, and which others there are. */
  url: string;
  urls: string;
  /** Default of the scopes that are requested beyond those of the provider, and what they mean. */
  scope: string;
  scopes: string;
  /** The service's name for tokens that users make themselves, and what they must be allowed to do. */
  token: string;
  tokens: string;
  /** Further properties of the definition. */
  own: Own;
  /** Kinds of items from the root down. */
  levels: readonly Level[];
  load(): Promise<{ connector: Connector<DeclaredInput<Own>> }>;
}

type Any = Omit<DeclaredSource<z.ZodRawShape>, 'load'>;

const propertiesOf = ({ url, urls, scope, scopes }: Any) => ({
  url: property(httpUrl().default(url), {
    title: 'API URL',
    description: urls,
    decides: 'address',
    dials: 'url',
  }),
  authSchema: property(z.enum(['token', 'oauth2']).default('token'), {
    title: 'Sign-in',
    description: 'How users sign in: with a token, or on a page of the service (oauth2).',
  }),
  scope: property(line(1024).default(scope), { title: 'Scope', description: scopes }),
  clientId: property(line(512), {
    title: 'Client id',
    description: 'Of your OAuth registration at the service. Optional if the operator has set up a client.',
  }).optional(),
});

const clientSecrets = {
  clientSecret: property(line(4096), {
    title: 'Client secret',
    description: 'Of your OAuth registration at the service; sealed with the connection.',
    secret: true,
  }).optional(),
};

/** A server that its users have installed has its own sign-in page, and no client of the operator. */
const presetOf =
  ({ provider, url: ownUrl }: Any) =>
  ({ url = ownUrl, scope = '' }: Values): OAuthPreset => {
    const api = new URL(String(url));
    const preset = provider.preset('');
    const scopes = [...new Set([...preset.scopes, ...String(scope).split(' ').filter(Boolean)])];
    return api.origin === new URL(ownUrl).origin || !provider.ownServer
      ? { ...presetAt(provider), scopes }
      : { ...preset, scopes, ...provider.ownServer(api) };
  };

const loginsOf = (source: Any) =>
  ({
    oauth2: {
      label: `Sign in with ${source.provider.name}`,
      when: { authSchema: 'oauth2' },
      fields: {},
      required: [],
      oauth: {
        grant: 'authorization_code',
        preset: presetOf(source),
        clientFields: { clientId: 'clientId', clientSecret: 'clientSecret', tokensGoTo: 'url' },
      },
    },
    token: {
      label: source.token,
      fields: { token: secret(line(4096).min(1), { title: source.token, description: source.tokens }) },
      required: ['token'],
    },
  }) as const;

const settings = z.strictObject({});

type Common = z.ZodObject<ReturnType<typeof propertiesOf>, z.core.$strict>;
type CommonInput = InputOf<Common, ReturnType<typeof loginsOf>, typeof settings>;

/** What the connector of such a source receives. */
export type DeclaredInput<Own extends z.ZodRawShape> = CommonInput & {
  properties: z.output<z.ZodObject<Own>>;
};

/** What users may expect of each. */
const limits = [
  'Columns are declared; other members of a response are left out. Times are instants in UTC.',
  `A rate limit that ends within ${waitSeconds} seconds is waited for during a read (5 in a preview); otherwise the read fails and says when to try again.`,
];

export function declaredSource<Own extends z.ZodRawShape>(source: DeclaredSource<Own>) {
  const { id, name, stage, links, icon, evidence, own, levels } = source;
  return defineSource({
    ...{ specificationVersion: 2, id, name, category: 'api', stage, links, icon },
    evidence: { ...evidence, limits: [...evidence.limits, ...limits] },
    // Its connector knows the others.
    properties: z.strictObject({ ...propertiesOf(source), ...own }) as unknown as Common,
    logins: loginsOf(source),
    ...{ clientSecrets, settings },
    target: ['url'],
    endpoints: ({ url }) => [urlEndpoint(new URL(url))],
    abilities: apiAbilities({ browse: { levels, depth: levels.length, search: false } }),
    load: () => source.load(),
  });
}
