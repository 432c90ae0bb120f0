import type { Login, TokenSource } from '@mooring/connectors/interface/login';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { OriginToken, type Secret } from '@mooring/connectors/interface/secret';
import { isInteractive } from '@mooring/connectors/interface/sign-in';
import { lackingOf, needsNoLogin } from '@mooring/connectors/kit/login-parts';
import { selectSignIn } from '@mooring/connectors/kit/properties';
import type { Config } from '../../config/config.js';
import { apiOriginOf } from '../../oauth/api-origin.js';
import { definitionOf } from '../../store/decoded-rows.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable } from '../../store/tables.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import { type ClientConfiguration, clientConfiguration } from '../grants/client-configuration.js';
import type { Grants } from '../grants/grants.js';
import { foreignApi } from '../grants/oauth-failures.js';
import { openSealedSecrets } from '../records/connection-secrets.js';
import { openLogin } from '../records/sealed-secrets.js';
import type { LoadedUse } from './load-use.js';
import type { Resolution } from './resolve.js';

// The only module that opens credentials for a use. It opens the one that was resolved, from what the same statement
// loaded, and gives the login to the connector; a feature never gets a secret.

interface OpenLoginDependencies {
  store: Pick<Store, 'clock'>;
  vault: Vault;
  grants: Grants;
  clients: Config['oauth']['clients'];
}

type OpenResult =
  /** `assertAlive`: as of `Grants`, for the token that was handed out last; undefined without a grant. */
  | { ok: true; login: Login; assertAlive?: (() => Promise<void>) | undefined }
  | { ok: false; resolution: Resolution };

export type OpenForUse = ReturnType<typeof createOpenForUse>;

/** Opens what `resolution` found in `use`. @throws AppError if the OAuth client is no longer configured */
export const createOpenForUse =
  (deps: OpenLoginDependencies) =>
  async (use: LoadedUse, manifest: SourceManifest, resolution: Resolution): Promise<OpenResult> => {
    const { row, sealedLogin, sealedSecrets } = use;
    const { vault, clients } = deps;
    const { state, credential } = resolution;
    const definition = definitionOf(row);
    const method = selectSignIn(manifest, definition);
    if (state === 'missing' && needsNoLogin(method))
      return { ok: true, login: { method: method.id, fields: {} } };
    if (state !== 'ready' || !credential) return { ok: false, resolution };
    try {
      const secrets = sealedSecrets ? openSealedSecrets(vault, row, sealedSecrets) : {};
      if (!sealedLogin) throw new UnreadableError('the sealed login is gone');
      const fields = openLogin(vault, credential, { field: 'login', ...sealedLogin }, manifest);
      const { assertAlive, ...tokens } = method.oauth
        ? await tokensOf(deps, credential, {
            isKept: isInteractive(method.oauth),
            setup: clientConfiguration({ method, definition, secrets, login: fields }, clients),
          })
        : {};
      if (lackingOf(method, definition, fields).length > 0)
        return { ok: false, resolution: { ...resolution, state: 'missing' } };
      return { ok: true, login: { method: method.id, fields, ...tokens }, assertAlive };
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      return { ok: false, resolution: { ...resolution, state: 'unreadable' } };
    }
  };

/** @param isKept the tokens are of a stored grant, not of the connection's own client. @throws UnreadableError */
async function tokensOf(
  { store, grants }: OpenLoginDependencies,
  credential: CredentialTable,
  { setup, isKept }: { setup: ClientConfiguration; isKept: boolean },
) {
  // Now, while the error can still reach the user; the connector asks for a token only in the midst of its work.
  if (isKept) await grants.assertReadable(credential);
  const source = isKept ? grants.accessToken : grants.clientToken;
  let handedOut: Secret<string> | undefined;
  let askedAt = store.clock.now();
  const token: TokenSource = async (options = {}) => {
    askedAt = store.clock.now();
    // The source refused the token that this session used; others may have refreshed it since.
    const issued = await source(credential, setup, options.renew && handedOut ? { refused: handedOut } : {});
    const api = apiOriginOf(setup.preset, issued);
    if (api === 'foreign') throw foreignApi();
    handedOut = issued.accessToken;
    return api === 'none' ? handedOut : new OriginToken(handedOut.reveal(), api.origin);
  };
  const assertAlive = () => grants.assertAlive(credential, setup, { handedOut, askedAt });
  return { token, assertAlive: isKept ? assertAlive : undefined };
}
