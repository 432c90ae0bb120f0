import { bigQueryErrors } from '../../families/bigquery/errors.js';
import { bigQuery } from '../../families/bigquery/service.js';
import { serviceAccountTokens, userTokens } from '../../families/google/access-tokens.js';
import { googleApi } from '../../families/google/api.js';
import { serviceAccountKey } from '../../families/google/service-account.js';
import { jobSource } from '../../families/jobs/source.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Context } from '../../interface/session.js';
import type { Connector } from '../../interface/source.js';
import { type Input, projectId, scope, urlsOf } from './properties.js';

/** Who signs in, and the project of a key. */
async function signInOf({ login, settings }: Input, { network }: Context) {
  if (login.method === 'google-oauth') return { tokens: userTokens(login.token) };
  const key = await serviceAccountKey(login.fields);
  const tokens = serviceAccountTokens(key, scope, { network, tokenEndpoint: urlsOf(settings).token });
  return { tokens, account: key.email, project: key.projectId };
}

/** @throws ConnectorError `invalid_config` when neither the connection nor the key names one */
function projectOf(named: string | undefined): string {
  if (named !== undefined && projectId.test(named)) return named;
  throw new ConnectorError('invalid_config', 'The connection names no project.', {
    remedy: 'Set Catalog to the id of the Google Cloud project.',
  });
}

export const connector: Connector<Input> = jobSource({
  errors: bigQueryErrors,
  async connect(input: Input, context) {
    const { Catalog, Location: location, maximumBytesBilled } = input.properties;
    const { tokens, account, project } = await signInOf(input, context);
    const id = projectOf(Catalog ?? project);
    const base = `${urlsOf(input.settings).api.origin}/bigquery/v2/projects/${id}`;
    const api = googleApi(base, { network: context.network, tokens });
    await tokens(false, context.signal);
    return bigQuery({ id, api, location, maximumBytesBilled }, account);
  },
});
