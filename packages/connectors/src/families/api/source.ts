import type { Call } from '../../interface/call.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Path, Target } from '../../interface/plan.js';
import type { Context, Described, Findings, Session } from '../../interface/session.js';
import type { Connector } from '../../interface/source.js';
import { parsingCaps } from '../../kit/json/caps.js';
import { commonHeaders } from '../http/authorization.js';
import { documentOf, type Exchange, exchangeJson } from '../http/exchange.js';
import { lookup } from '../http/json-paths.js';
import type { Api, ApiFamily, Proof } from './api.js';
import type { Listing } from './ask.js';
import { browseApi } from './browse.js';
import { failureIn } from './errors.js';
import { columnsOf } from './fields.js';
import { openPages, proveFirstPage } from './pages.js';
import { planList } from './read.js';
import { type Found, resourceAt, urlOf } from './tree.js';

/** Previews show little, so they wait little. */
const previewWaitSeconds = 5;

function exchangeOf(api: Api, { network }: Context, { signal }: Call): Exchange {
  const { token, headers, timeoutSeconds, request, failures = {}, isElsewhere = false } = api;
  let origin: string | undefined;
  const ofBody = request?.method === 'POST' ? { 'content-type': 'application/json' } : {};
  return {
    ...{ network, signal, timeoutSeconds, renewable: token !== undefined },
    async headers(renew) {
      const given = await token?.({ renew });
      // A token and its API are of the same answer.
      origin = isElsewhere ? given?.apiOrigin : undefined;
      return { ...commonHeaders, ...ofBody, ...headers(given) };
    },
    origin: () => origin,
    failure: (response, body) => failureIn(failures, response, body),
  };
}

type Lists = (found: Found, call: Call, size?: number) => Listing;

/** How calls of a session request lists. */
const listsOf =
  (api: Api, context: Context): Lists =>
  ({ url, resource }, call, size) => {
    const { keyParameter, request = {}, paging, remedies = {}, waitSeconds = 0 } = api;
    const sized = new URL(url);
    if (api.size)
      sized.searchParams.set(api.size.name, String(Math.min(size ?? api.size.most, api.size.most)));
    const secondsLeft = call.isPreview ? Math.min(waitSeconds, previewWaitSeconds) : waitSeconds;
    return {
      url: api.size ? sized : url,
      exchange: exchangeOf(api, context, call),
      ...{ request, keyParameter, remedies },
      caps: parsingCaps(call),
      paging: resource.paging ?? paging,
      rowsAt: resource.rowsAt,
      isDeclared: resource.fields !== undefined,
      patience: waitSeconds === 0 ? undefined : { retries: context.retries, secondsLeft },
    };
  };

async function prove(api: Api, proof: Proof, context: Context, call: Call): Promise<Findings> {
  const url = urlOf(api, proof, {});
  const answer = await exchangeJson(exchangeOf(api, context, call), url, {
    ...api.request,
    caps: parsingCaps({ isPreview: true }),
  });
  documentOf(answer);
  const { accountAt, versionIn } = proof;
  const account = accountAt === undefined ? undefined : lookup(answer.json, accountAt);
  const version = versionIn && answer.headers.get(versionIn.header);
  return {
    ...(account ? { account: String(documentOf({ ...answer, json: account })) } : {}),
    ...(versionIn && version ? { server: { product: versionIn.product, version } } : {}),
  };
}

async function describe(found: Found, lists: Lists, call: Call): Promise<Described> {
  const { fields, primaryKey, comment } = found.resource;
  const columns = fields
    ? columnsOf(fields)
    : (await openPages(lists(found, { ...call, isPreview: true }), 0)).found.columns;
  return {
    kind: 'resource',
    columns: columns.map((column) => ({ ...column, native: column.type })),
    ...(primaryKey ? { primaryKey } : {}),
    ...(comment === undefined ? {} : { comment }),
  };
}

function pathOf(target: Target): Path {
  if ('path' in target) return target.path;
  throw new ConnectorError('unsupported', 'This data source does not support queries; read a path.');
}

function sessionOf(api: Api, context: Context): Session {
  const lists = listsOf(api, context);
  return {
    async ping(call) {
      if (api.proof) return prove(api, api.proof, context, call);
      await proveFirstPage(lists(resourceAt(api, []), { ...call, isPreview: true }));
      return {};
    },
    browse: (request, call) =>
      browseApi(api, request, (found, size) => lists(found, { ...call, isPreview: true }, size)),
    describe: (target, call) => describe(resourceAt(api, pathOf(target)), lists, call),
    plan(request, call) {
      const found = resourceAt(api, pathOf(request.target));
      return planList(lists(found, call, request.limit), found.resource.fields, request);
    },
    close: async () => undefined,
  };
}

/** A source over an HTTP API. Stateless: opening a session sends nothing, and each page is one request. */
export const apiSource = <Input>({ errors, api }: ApiFamily<Input>): Connector<Input> => ({
  errors,
  open: async (input, context) => sessionOf(api(input), context),
});
