import type { Api } from '../../families/api/api.js';
import { apiErrors } from '../../families/api/errors.js';
import { pagingOf, pagingRemedies } from '../../families/api/pagination-properties.js';
import { apiSource } from '../../families/api/source.js';
import { keyParameter, requestHeaders } from '../../families/http/authorization.js';
import { isApiElsewhere, presetOf } from '../../families/http/oauth-properties.js';
import { withAppended } from '../../families/http/query.js';
import { tlsOptions } from '../../families/http/tls-properties.js';
import type { Connector } from '../../interface/source.js';
import { withCertificate } from '../../kit/with-certificate.js';
import type { Input } from './properties.js';

/** The last segment of the connection's own path names its only resource. */
function nameOf({ pathname, hostname }: URL): string {
  return pathname.split('/').findLast((segment) => segment !== '') ?? hostname;
}

function api({ properties, login, settings }: Input): Api {
  const { url, queryParameters, method, body = '{}', encoding, timeout } = properties;
  const base = withAppended(
    new URL(url),
    queryParameters.map(({ name, value }) => [name, value]),
  );
  const ofOffset = properties.PaginationType === 'Offset' ? properties.OffsetDataPath : undefined;
  return {
    base,
    token: login.token,
    isElsewhere: login.token !== undefined && isApiElsewhere(presetOf('authorization_code', properties), url),
    headers: (token) => requestHeaders(properties, login, token),
    keyParameter: keyParameter(properties, login),
    request: {
      ...{ method, encoding },
      ...(method === 'POST' ? { body } : {}),
      ...tlsOptions(properties, login.fields, settings),
    },
    timeoutSeconds: timeout,
    paging: pagingOf(properties),
    root: { resources: { [nameOf(base)]: { rowsAt: properties.dataPath ?? ofOffset } } },
    remedies: pagingRemedies(properties),
  };
}

/** JSON over HTTP. */
export const connector: Connector<Input> = withCertificate(
  apiSource({
    api,
    errors: apiErrors(
      {},
      {
        400: 'Check method, body, query parameters and headers of the connection.',
        404: 'Check the path of the URL.',
        405: 'Check the method of the connection.',
      },
    ),
  }),
);
