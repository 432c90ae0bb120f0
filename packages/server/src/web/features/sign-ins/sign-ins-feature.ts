import type { IncomingHttpHeaders } from 'node:http';
import { chooseAccount, getSignIn, renewSignIn, signInCallback } from '@mooring/contract/routes/sign-ins';
import type { Caller } from '../../../core/access/caller.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import { maskedAccount, rememberedAccount } from '../../../core/credentials/grants.js';
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

export interface SignInsDependencies {
  store: Store;
  catalogue: Catalogue;
  arrivals: ReturnType<typeof createArrivals>;
  renewals: ReturnType<typeof createRenewals>;
  parked: ParkedGrants;
  publicUrl: () => string;
  signIns: Pick<SignIns, 'poll'>;
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

async function accountsOf({ db }: Store, row: SignInTable) {
  const { account_issuer: issuer, account_subject: subject, account_email: email } = row;
  const remembered =
    row.credential_id === null
      ? undefined
      : await rememberedAccount(db, {
          ...{ id: row.credential_id, tenant_id: row.tenant_id, owner_id: row.user_id },
        });
  return {
    ...(remembered ? { remembered: maskedAccount(remembered) } : {}),
    ...(issuer && subject
      ? { signedIn: maskedAccount({ issuer, subject, ...(email ? { email } : {}) }) }
      : {}),
  };
}

/** A sign-in as the API shows it. */
async function presentSignIn(store: Store, row: SignInTable) {
  const isOpen = row.status === 'pending' || row.status === 'arrived' || row.status === 'needs_choice';
  const state = isOpen && row.expires_at <= store.clock.iso() ? ('expired' as const) : row.status;
  return {
    id: row.id,
    state,
    dataSourceId: row.source_id,
    ...(row.connection_id === null ? {} : { connectionId: row.connection_id }),
    ...(row.credential_id === null ? {} : { credentialId: row.credential_id }),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    ...(row.error === null ? {} : { error: row.error }),
    ...(state === 'needs_choice'
      ? { account: await accountsOf(store, row), choices: ['replace', 'add', 'cancel'] as const }
      : {}),
  };
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
  const { store, catalogue, arrivals, renewals, parked, publicUrl, signIns } = deps;
  const sourceNameOf = (sourceId: string) => catalogue.get(sourceId).name;
  return [
    bind(getSignIn, async ({ params }, { caller }) => {
      const row = await signIns.poll(await find(store, caller, params.id));
      return { status: 200, body: await presentSignIn(store, row) };
    }),
    bind(chooseAccount, async ({ params, body }, { caller }) => {
      await parked.choose(caller, params.id, body);
      return { status: 200, body: await presentSignIn(store, await find(store, caller, params.id)) };
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
