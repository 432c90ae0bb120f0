import type { Level } from '../../interface/abilities.js';
import type { ErrorTable } from '../../interface/errors.js';
import type { TokenSource } from '../../interface/login.js';
import type { Secret } from '../../interface/secret.js';
import type { ExchangeRequest } from '../http/exchange.js';
import type { PageRemedies } from './ask.js';
import type { FailedAnswers } from './errors.js';
import type { Field } from './fields.js';
import type { Paging } from './paging.js';

/** A list of an API, which is read as rows. */
export interface Resource {
  /**
   * Below the base, for instance `repos/{repository}/issues`: a name in braces is that of an item of `Collection.of`.
   * Absent: the base itself.
   */
  path?: string;
  query?: Readonly<Record<string, string>>;
  /** Path of the rows in a page; `$`: the page itself. Absent: found in the first page, as are columns. */
  rowsAt?: string | undefined;
  /** Absent: found in the first page. */
  fields?: readonly Field[];
  /** Default: that of the API. */
  paging?: Paging;
  primaryKey?: readonly string[];
  comment?: string;
}

/** Items that the API lists, each with the same resources. */
export interface Listed {
  /** Also the name in paths of resources. */
  of: Level;
  /** The resource beside them whose rows they are. */
  from: string;
  /** JSON pointer of an item's name in a row of `from`. */
  nameAt: string;
  /** Of a name, so that it cannot lead to another path. */
  names: RegExp;
  inside: Collection;
}

/** What can be browsed at one level: resources first, then what the API lists. */
export interface Collection {
  resources: Readonly<Record<string, Resource>>;
  listed?: Listed;
}

/** The cheapest request that proves a login. */
export interface Proof {
  path: string;
  /** JSON pointer of the account's name. */
  accountAt?: string;
  /** Header with the version of a server that is installed by its users. */
  versionIn?: { header: string; product: string };
}

/** An API as a connection uses it. */
export interface Api {
  /** Origin of all requests, and the path of the resources. */
  base: URL;
  /** `base` is at the sign-in page: where a token names the origin of its API, requests go there. */
  isElsewhere?: boolean;
  /** Sent with every request; `token` is that of an OAuth login. */
  headers(token: Secret<string> | undefined): Record<string, string>;
  token?: TokenSource | undefined;
  /** Sent in the query of every request. */
  keyParameter?: [string, string] | undefined;
  /** Method, body and TLS. Default: GET. */
  request?: Omit<ExchangeRequest, 'caps'>;
  /** Of one request with its response. */
  timeoutSeconds: number;
  /** Paging of resources without their own. */
  paging: Paging;
  /** Query parameters with the number of rows in a page, which has a maximum, and with the number of a page. */
  size?: { name: string; most: number; page: string };
  root: Collection;
  /** Absent: the first page of the only resource. */
  proof?: Proof;
  failures?: FailedAnswers;
  /** Seconds that one call may wait for the ends of rate limits. Default: 0. */
  waitSeconds?: number;
  remedies?: PageRemedies;
}

/** What makes a source of an API over HTTP with JSON. */
export interface ApiFamily<Input> {
  errors: ErrorTable;
  /** Pure. @throws ConnectorError for a login or definition that cannot be used */
  api(input: Input): Api;
}
