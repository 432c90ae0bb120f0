// The page of destinations, from the cases that the tests walk and the manifests.
import { metaOf } from '../packages/connectors/dist/kit/properties.js';
import { manifests } from '../packages/connectors/dist/registry.js';
import { destinationCases } from '../packages/server/dist/web/features/connections/__fixtures__/destination-cases.js';
import { head, table } from './markdown.mjs';

export function destinationsPage() {
  const place = { host: '', port: 0, url: 'http://localhost' };
  const cases = destinationCases({ here: place, there: place }, '');
  const words = { confirm: '**confirm**', keep: 'keep', refuse: '400' };
  const edits = [...new Set(cases.flatMap((one) => one.edits.map(({ what }) => what)))];
  let text = head('Destinations');
  text +=
    'A secret is bound to its destination. The table says what an update of a connection means for its credentials; `npx vitest run packages/server/src/web/features/connections/destinations.test.ts` verifies it over HTTP, for separated and embedded credentials.\n\n';
  text += `${table(
    ['update', ...cases.map(({ datasourceID }) => `\`${datasourceID}\``)],
    edits.map((what) => [
      what,
      ...cases.map((one) => words[one.edits.find((candidate) => candidate.what === what)?.meaning] ?? ''),
    ]),
  )}\n`;
  text += `\n## Who must do what\n\n${table(
    ['', 'separated credentials', 'embedded credential'],
    [
      [
        '**confirm**',
        'each linked user, for their own credential: `GET …/credential` says `needs_confirmation` with the old and the new destination, and nothing is sent until `POST …/credential/actions/confirm`, or until they choose the credential again (PATCH `/qCredentialsID`, `selectedCredentials`); users confirm for themselves only',
        'a 400 unless the complete credential is in the same request; it then belongs to the user who sent it, and the former one is destroyed',
      ],
      ['keep', 'nothing to do', 'nothing to do'],
      ['400', 'the data source has no such property; the error names it', 'the same'],
      ['another space, by the user who provided the login', 'nothing to do', 'nothing to do'],
      [
        'another space, by another user',
        'nothing to do, unless the connection has a secret of its own: then as embedded',
        'suspended until the user who provided it confirms with the `suspendedAt` that they were shown, or a complete credential is sent',
      ],
      [
        'another owner',
        'the new owner provides their own',
        'suspended until the user who provided it confirms, or the new owner sends a complete credential of their own, which destroys it',
      ],
      [
        'a copy by another user',
        'the copy has the link of the user who made it',
        'the copy has no credential; the original is unchanged',
      ],
      [
        'becomes separated',
        '',
        'becomes a separated credential of the user who provided it, linked for them; nothing is revoked',
      ],
      [
        'the owner is disabled',
        'theirs is destroyed; nothing to do for others',
        'destroyed; owner and facilitators of the space see `ownerLeft`, and take over by PATCH of `/user` to their own id with the complete credential',
      ],
      [
        'back to a former destination',
        'nothing to do for users who had confirmed it',
        'the credential is sent again',
      ],
      ['connection deleted', 'credentials stay with their users', 'destroyed'],
    ],
  )}\n`;
  text +=
    '\n## Properties of the destination\n\nA property is part of the destination unless its manifest says otherwise.\n\n';
  text += `${table(
    ['data source', 'part of the destination', 'part of it, except for the query', 'not part of it'],
    manifests.map((manifest) => {
      const named = (decides) =>
        Object.keys(manifest.properties.shape)
          .filter((name) => {
            const meta = metaOf(manifest, name);
            const isDefinition = meta.holder !== 'credential' && meta.holder !== 'connection';
            const kind = ['nothing', 'address'].includes(meta.decides) ? meta.decides : 'all';
            return isDefinition && kind === decides;
          })
          .map((name) => `\`${name}\``)
          .join(', ');
      return [`\`${manifest.id}\``, named('all'), named('address'), named('nothing')];
    }),
  )}\n`;
  return text;
}
