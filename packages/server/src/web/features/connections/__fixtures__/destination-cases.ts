// What an update of a connection means for its credentials: one table for all sources, which the tests walk and
// docs/reference/destinations.md shows. CASES rule 2.

import type { Destinations } from '@mooring/connectors/suite/harness';
import { harnesses } from '@mooring/connectors/suite/harnesses';

/**
 * `confirm`: another destination: every user confirms, and an embedded credential is sent again in the same request.
 * `keep`: harmless. `refuse`: not a property of this data source; nothing is changed.
 */
export type Meaning = 'confirm' | 'keep' | 'refuse';

export interface Edit {
  what: string;
  path: string;
  value: unknown;
  meaning: Meaning;
  /** What an embedded credential needs at the new destination, where that is not the same again. */
  again?: Readonly<Record<string, unknown>> | 'a sign-in';
}

export interface SourceCase {
  datasourceID: string;
  definition: Readonly<Record<string, unknown>>;
  credential: Readonly<Record<string, unknown>>;
  edits: readonly Edit[];
}

const edit = (what: string, meaning: Meaning, name: string, value: unknown): Edit => ({
  what,
  path: `/connectionProperties/${name}`,
  value,
  meaning,
});
const noAuthType = edit('auth type', 'refuse', 'authSchema', 'basic');
const everywhere: readonly Edit[] = [
  { what: 'rename', path: '/qName', value: 'renamed', meaning: 'keep' },
  { what: 'tags', path: '/tags', value: ['a', 'b'], meaning: 'keep' },
  edit('proxy', 'refuse', 'proxy', 'http://127.0.0.1:9'),
];

/** Addresses of two listeners: one that the credential is for, and one that it must never reach. */
export interface Places {
  here: { host: string; port: number; url: string };
  there: { host: string; port: number; url: string };
}

type Certificates = readonly { name: string; value: string }[];

const restCase = ({ here, there }: Places, certificates: Certificates): SourceCase => ({
  datasourceID: 'rest',
  definition: { url: `${here.url}/items`, authSchema: 'basic' },
  credential: { username: 'somebody', password: 'canary-matrix' },
  edits: [
    ...everywhere,
    edit('host', 'confirm', 'url', `http://localhost:${here.port}/items`),
    edit('port', 'confirm', 'url', `${there.url}/items`),
    edit('path of the URL', 'confirm', 'url', `${here.url}/other`),
    edit('query of the URL', 'keep', 'url', `${here.url}/items?page=2`),
    edit('query parameter', 'keep', 'queryParameters', [{ name: 'page', value: '2' }]),
    edit('next page where the answer says', 'confirm', 'PaginationType', 'NextUrl'),
    edit('field with the next page', 'confirm', 'NextUrlFieldPath', 'items.0.homepage'),
    edit('page size', 'keep', 'OffsetPageSize', 50),
    edit('TLS lowered', 'confirm', 'url', `${here.url.replace('http:', 'https:')}/items`),
    edit('validation changed', 'confirm', 'serverCertificateValidation', 'Custom'),
    edit('CA replaced', 'confirm', 'rootCertificates', certificates),
    edit('token URL', 'confirm', 'tokenUrl', `${there.url}/token`),
    edit('OAuth provider', 'confirm', 'oauthProvider', 'dropbox'),
    {
      ...edit('auth type', 'confirm', 'authSchema', 'bearer'),
      again: { bearerToken: 'canary-matrix' },
    },
    edit('method', 'confirm', 'method', 'POST'),
    edit('headers', 'confirm', 'queryHeaders', [{ name: 'x-one', value: '1' }]),
    edit('region', 'refuse', 'region', 'eu-west-1'),
  ],
});

/** Properties of other sources, as far as this one has none of that name. */
const foreign: readonly Edit[] = [
  edit('CA replaced', 'refuse', 'rootCertificates', []),
  edit('region', 'refuse', 'region', 'eu-west-1'),
  edit('token URL', 'refuse', 'tokenUrl', 'http://127.0.0.1:9'),
  noAuthType,
];

/** The case of a source with a harness, a property at a time. */
function caseOf(datasourceID: string, { definition, credential, edits }: Destinations): SourceCase {
  const own = edits.flatMap(({ what, change, meaning, again }) => {
    const entries = Object.entries(change);
    return entries.map(([name, value]) => ({
      ...edit(entries.length === 1 ? what : `${what}: ${name}`, meaning, name, value),
      ...(again ? { again } : {}),
    }));
  });
  const isOthers = ({ path }: Edit) => own.every((one) => one.path !== path);
  return {
    datasourceID,
    definition,
    credential,
    edits: [...everywhere, ...own, ...foreign.filter(isOthers)],
  };
}

export function destinationCases(places: Places, certificate: string): SourceCase[] {
  const { here, there } = places;
  const certificates = [{ name: 'ca.pem', value: certificate }];
  const s3 = (datasourceID: string): SourceCase => ({
    datasourceID,
    definition: { endpoint: here.url, region: 'us-east-1', bucketName: 'one', pathStyle: true },
    credential: { accessKey: 'AKIAEXAMPLE', secretKey: 'canary-matrix' },
    edits: [
      ...everywhere,
      edit('host', 'confirm', 'endpoint', `http://localhost:${here.port}`),
      edit('port', 'confirm', 'endpoint', there.url),
      edit('path of the endpoint', 'keep', 'endpoint', `${here.url}/`),
      edit('TLS lowered', 'confirm', 'endpoint', here.url.replace('http:', 'https:')),
      edit('CA replaced', 'confirm', 'rootCertificates', certificates),
      edit('region', 'keep', 'region', 'eu-central-1'),
      edit('bucket', 'keep', 'bucketName', 'two'),
      noAuthType,
      edit('token URL', 'refuse', 'tokenUrl', there.url),
    ],
  });
  return [
    ...harnesses.map(([id, harness]) => caseOf(id, harness.destinations({ ...places, certificate }))),
    s3('File_AmazonS3ConnectorV2'),
    s3('File_AmazonS3Connector'),
    restCase(places, certificates),
  ];
}
