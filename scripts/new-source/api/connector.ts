import type { Api } from '../../families/api/api.js';
import { apiErrors } from '../../families/api/errors.js';
import { fieldsOf } from '../../families/api/fields.js';
import { byLinkHeader } from '../../families/api/paging.js';
import { apiSource } from '../../families/api/source.js';
import { bearer } from '../../families/http/authorization.js';
import type { Connector } from '../../interface/source.js';
import type { Input } from './properties.js';

const api = ({ properties: { url }, login }: Input): Api => ({
  base: new URL(url),
  timeoutSeconds: 30,
  headers: () => ({ authorization: bearer(login.fields.token.reveal()) }),
  // FILL IN: how a list leads to its next page.
  paging: byLinkHeader,
  root: {
    resources: {
      // FILL IN: the lists of the API, with the fields that its vendor documents.
      items: { path: 'items', rowsAt: '$', fields: fieldsOf('id:bigint name'), primaryKey: ['id'] },
    },
  },
  // FILL IN: the cheapest request that fails without a valid login.
  proof: { path: 'me', accountAt: '/name' },
});

// FILL IN: codes that its failures have beyond the HTTP status, and what users can do about them.
export const connector: Connector<Input> = apiSource({ api, errors: apiErrors() });
