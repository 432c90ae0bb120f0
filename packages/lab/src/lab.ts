import { type LabAuthorizationServer, startAuthorizationServer } from './authorization-server.js';
import { type LabBigQuery, startBigQuery } from './bigquery.js';
import { type LabControl, startControl } from './control.js';
import { type LabMariaDb, startMariaDb } from './mariadb.js';
import { type LabPostgres, startPostgres } from './postgres.js';
import { type LabRestApi, startRestApi } from './rest-api.js';
import { type LabS3, startS3 } from './s3.js';

export interface LabOptions {
  /** Allowed redirect URIs; add more with `authorizationServer.addRedirectUri`. */
  redirectUris?: readonly string[];
  /** Also starts MariaDB, which npm does not provide; false by default. */
  mariadb?: boolean;
  /** Rows of the `big` table of PostgreSQL; 1,000,000 by default. */
  rowsInBig?: number;
}

/** Every stand-in, running and connected: BigQuery and the REST API accept tokens of the authorization server. */
export interface Lab {
  /** Addresses, logins and sample names of each, as JSON. Contains passwords and keys. */
  addresses: ReturnType<typeof addressesOf>;
  authorizationServer: LabAuthorizationServer;
  /** A second server with other keys and clients, for mix-up attacks. */
  otherAuthorizationServer: LabAuthorizationServer;
  control: LabControl;
  s3: LabS3;
  postgres: LabPostgres;
  bigquery: LabBigQuery;
  restApi: LabRestApi;
  /** Null unless requested. */
  mariadb: LabMariaDb | null;
  close(): Promise<void>;
}

type Parts = Omit<Lab, 'addresses' | 'close'>;

function oauthAddresses(server: LabAuthorizationServer) {
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint, introspectionEndpoint } = server;
  const { userinfoEndpoint, jwksUri, client, machineClient, users } = server;
  const endpoints = { authorizationEndpoint, tokenEndpoint, revocationEndpoint, introspectionEndpoint };
  return { issuer, ...endpoints, userinfoEndpoint, jwksUri, client, machineClient, users };
}

function databaseAddresses(server: LabPostgres | LabMariaDb) {
  const { host, port, database, ca, roles } = server;
  return { host, port, database, ca, roles };
}

function addressesOf(parts: Parts) {
  const { s3, bigquery, restApi } = parts;
  return {
    authorizationServer: oauthAddresses(parts.authorizationServer),
    otherAuthorizationServer: oauthAddresses(parts.otherAuthorizationServer),
    control: { url: parts.control.url, token: parts.control.token },
    s3: {
      url: s3.url,
      region: s3.region,
      buckets: s3.buckets,
      accounts: s3.accounts,
      samples: ['public/orders.csv', 'public/orders.json', 'public/orders.parquet', 'public/big.csv'],
    },
    postgres: {
      ...databaseAddresses(parts.postgres),
      persons: parts.postgres.persons,
      samples: ['sales.orders', 'sales.order_totals', 'sales.all_types', 'sales.big'],
    },
    bigquery: {
      url: bigquery.url,
      projectId: bigquery.projectId,
      datasets: bigquery.datasets,
      serviceAccountKey: bigquery.serviceAccountKey,
      samples: ['sales.orders', 'sales.all_types', 'sales.big'],
    },
    restApi: {
      url: restApi.url,
      basic: restApi.basic,
      bearer: restApi.bearer,
      apiKey: restApi.apiKey,
      samples: ['/anonymous/items', '/basic/offset', '/bearer/page', '/key/token', '/oauth/next-url'],
    },
    mariadb:
      parts.mariadb === null
        ? null
        : { ...databaseAddresses(parts.mariadb), samples: ['orders', 'all_types', 'big'] },
  };
}

/**
 * Starts every stand-in on 127.0.0.1, in about two seconds. All of them end with this process.
 * @throws the error of the first part that failed, after closing those that had started.
 */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const undo: (() => Promise<void>)[] = [];
  const keep = <Part extends { close(): Promise<void> }>(part: Part): Part => {
    undo.push(() => part.close());
    return part;
  };
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= Promise.all(undo.map((one) => one())).then(() => undefined);
    return closing;
  };
  const { redirectUris = [], rowsInBig } = options;
  const starting = {
    authorizationServer: startAuthorizationServer({ redirectUris }).then(keep),
    otherAuthorizationServer: startAuthorizationServer({ redirectUris }).then(keep),
    s3: startS3().then(keep),
    postgres: startPostgres(rowsInBig === undefined ? {} : { rowsInBig }).then(keep),
    mariadb: options.mariadb ? startMariaDb().then(keep) : null,
  };
  // Wait for all of them: a late one must not start after the others were closed.
  await Promise.allSettled(Object.values(starting));
  try {
    const authorizationServer = await starting.authorizationServer;
    const otherAuthorizationServer = await starting.otherAuthorizationServer;
    const verifyAccessToken = authorizationServer.verifyAccessToken;
    const parts: Parts = {
      authorizationServer,
      otherAuthorizationServer,
      control: keep(await startControl({ authorizationServer, otherAuthorizationServer })),
      s3: await starting.s3,
      postgres: await starting.postgres,
      mariadb: await starting.mariadb,
      bigquery: keep(await startBigQuery({ verifyAccessToken })),
      restApi: keep(await startRestApi({ verifyAccessToken })),
    };
    return { ...parts, addresses: addressesOf(parts), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Runs the lab for the command line: prints its addresses as one JSON line, then serves until SIGTERM or
 * SIGINT, closes everything and returns.
 * @param print receives the line; it contains passwords and keys of the stand-ins.
 */
export async function runLab(print: (line: string) => void, options: LabOptions = {}): Promise<void> {
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    const lab = await startLab(options);
    print(JSON.stringify(lab.addresses));
    await stopped;
    await lab.close();
  } finally {
    process.removeListener('SIGTERM', stop);
    process.removeListener('SIGINT', stop);
  }
}
