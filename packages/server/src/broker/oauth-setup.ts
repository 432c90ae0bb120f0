import type { OAuthPreset, SignInMethod } from '@mooring/connectors/spec/sign-in';
import type { Config } from '../config.js';
import { AppError } from '../http/app-error.js';
import type { OAuthClient } from '../oauth/types.js';

/** Endpoints and client of one OAuth exchange. */
export interface OAuthSetup {
  preset: OAuthPreset;
  client: OAuthClient;
}

export interface SetupInput {
  method: SignInMethod;
  definition: Readonly<Record<string, unknown>>;
  /** Secrets of the connection or of the request: where a connection brings its own client. */
  secrets: Readonly<Record<string, unknown>>;
}

/**
 * The exchange that a sign-in method asks for: a client of the operator's configuration, or the connection's own.
 * @throws AppError when neither is complete; the detail says what to set.
 */
export function oauthSetup(input: SetupInput, clients: Config['oauth']['clients']): OAuthSetup {
  const { oauth } = input.method;
  if (!oauth) throw new Error(`${input.method.id} is no OAuth sign-in`);
  const preset = oauth.preset(input.definition);
  if (oauth.clientFields) {
    const clientId = input.definition[oauth.clientFields.clientId];
    const clientSecret = input.secrets[oauth.clientFields.clientSecret];
    if (typeof clientId !== 'string') {
      throw new AppError(
        'DCERROR-0010',
        `${oauth.clientFields.clientId}: is required for sign-in by ${input.method.label}`,
      );
    }
    return { preset, client: { clientId, ...(typeof clientSecret === 'string' ? { clientSecret } : {}) } };
  }
  const provider = preset.provider ?? '';
  const settings = clients[provider];
  if (!settings) {
    throw new AppError(
      'DCERROR-0010',
      `This server has no OAuth client for ${provider}. An operator must set oauth.clients.${provider} in the configuration file.`,
    );
  }
  const { clientId, clientSecret, ...endpoints } = settings;
  const given = Object.fromEntries(Object.entries(endpoints).filter(([, value]) => value !== undefined));
  // A provider that is pointed elsewhere keeps none of the preset's endpoints that were not given.
  const { revocationEndpoint, issuer, ...rest } = preset;
  const isElsewhere = given['tokenEndpoint'] !== undefined;
  const kept = isElsewhere
    ? rest
    : { ...rest, ...(revocationEndpoint ? { revocationEndpoint } : {}), ...(issuer ? { issuer } : {}) };
  return { preset: { ...kept, ...given }, client: { clientId, ...(clientSecret ? { clientSecret } : {}) } };
}
