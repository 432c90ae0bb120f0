import type { IncomingHttpHeaders } from 'node:http';
import { chooseAccount, getSignIn, renewSignIn, signInCallback } from '@mooring/contract/routes/sign-ins';
import type { Caller } from '../../../core/access/caller.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import type {
  createArrivals,
  createRenewals,
  ParkedGrants,
  SignIns,
} from '../../../core/credentials/sign-ins.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import type { SignInTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { renderCallbackPage } from './callback-page.js';
import { viewOfArrival, viewOfRenewal } from './callback-views.js';
import { presentSignIn } from './sign-in-presenter.js';

export interface SignInsDependencies {
  store: Store;
  catalogue: Catalogue;
  arrivals: ReturnType<typeof createArrivals>;
  renewals: ReturnType<typeof createRenewals>;
  parked: ParkedGrants;
  publicUrl: () => string;
  signIns: Pick<SignIns, 'poll'>;
  now: () => Date;
}

async function find({ db }: Store, caller: Caller, id: string): Promise<SignInTable> {
  const row = await db
    .selectFrom('sign_in')
    .selectAll()
    .where('id', '=', id.toLowerCase())
    .where('tenant_id', '=', caller.tenantId)
    .where('user_id', '=', caller.userId)
    .executeTakeFirst();
  if (!row) throw new AppError('NOT-FOUND', 'You have no such sign-in.');
  return row;
}

/** Refuses the form of another site (CSRF): browsers say where a request comes from. */
function assertFromOwnPage(headers: IncomingHttpHeaders, publicUrl: string): void {
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  const isOwn =
    (site === undefined || site === 'same-origin') &&
    (origin === undefined || origin === 'null' || origin === new URL(publicUrl).origin);
  if (!isOwn) throw new AppError('ACCESS-DENIED', 'Send this form from its own page.');
}

/** The state of one's own sign-ins, and the page that providers redirect to. */
export function createSignInsFeature(deps: SignInsDependencies): BoundRoute[] {
  const { store, catalogue, arrivals, renewals, parked, publicUrl, signIns, now } = deps;
  const sourceNameOf = (sourceId: string) => catalogue.get(sourceId).name;
  return [
    bind(getSignIn, async ({ params }, { caller }) => {
      const row = await signIns.poll(await find(store, caller, params.id));
      return { status: 200, body: await presentSignIn(store, row, now()) };
    }),
    bind(chooseAccount, async ({ params, body }, { caller }) => {
      await parked.choose(caller, params.id, body);
      return { status: 200, body: await presentSignIn(store, await find(store, caller, params.id), now()) };
    }),
    bind(renewSignIn, async ({ params, body }, { request }) => {
      assertFromOwnPage(request.headers, publicUrl());
      const renewal = await renewals.renew(params.context, body.ticket);
      const { html, headers } = renderCallbackPage(viewOfRenewal(renewal));
      return { status: renewal.ok ? 200 : 409, body: html, headers };
    }),
    bind(signInCallback, async ({ params }, { request }) => {
      const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?') + 1) : '';
      const arrival = await arrivals.arrive(params.context, new URLSearchParams(query));
      const view = viewOfArrival(arrival, params.context, sourceNameOf);
      const { html, headers } = renderCallbackPage(view);
      return { status: arrival.ok ? 200 : 400, body: html, headers };
    }),
  ];
}
