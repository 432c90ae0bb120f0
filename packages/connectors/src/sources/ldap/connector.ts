import { dnOf, listEntries } from '../../families/ldap/browse.js';
import { openDirectory, type Scope } from '../../families/ldap/directory.js';
import { ldapErrors } from '../../families/ldap/errors.js';
import { shapeEntries } from '../../families/ldap/rows.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Target } from '../../interface/plan.js';
import type { Connector } from '../../interface/source.js';
import { tlsDemands } from '../../kit/tls.js';
import type { Input } from './properties.js';

function pathOf(target: Target) {
  if ('path' in target) return target.path;
  throw new ConnectorError('unsupported', 'This source does not support queries; read a path.');
}

/** LDAP over `ldapts`. */
export const connector: Connector<Input> = {
  errors: ldapErrors,
  async open({ properties, login }: Input, context) {
    const { host, port, security, rootCertificates, baseDn, subtree } = properties;
    const tls = security === 'none' ? undefined : tlsDemands('verify-full', rootCertificates);
    const directory = await openDirectory({ host, port, security, tls, ...login.fields }, context);
    const scope: Scope = subtree ? 'children' : 'one';
    const begin = async (target: Target, asText: readonly string[] = []) => {
      const dn = dnOf(pathOf(target), baseDn);
      const pages = directory.pages(dn, scope);
      const first = await pages.next();
      return { pages, first, shape: shapeEntries(first.done ? [] : first.value, asText) };
    };
    return {
      async ping() {
        await directory.assertEntry(baseDn);
        const account = await directory.account();
        return { readOnly: 'login', ...(account ? { account } : {}) };
      },
      browse: (request) => listEntries(directory, baseDn, request),
      async describe(target) {
        const { pages, shape } = await begin(target);
        await pages.return();
        return {
          kind: 'folder',
          columns: shape.columns.map((column) => ({ ...column, native: column.type })),
        };
      },
      async plan({ target, asText }) {
        const { pages, first, shape } = await begin(target, asText);
        return {
          columns: shape.columns,
          done: { columns: false, limit: false, order: false, asText: true, filter: 'none' },
          splits: [null],
          async *open() {
            for (let page = first; !page.done; page = await pages.next())
              if (page.value.length > 0) yield { rows: page.value.map(shape.toRow) };
          },
          close: async () => void (await pages.return()),
        };
      },
      close: () => directory.close(),
    };
  },
};
