import { getSignIn, signInCallback } from '@mooring/contract/routes/sign-ins';
import type { Catalogue } from '../../catalogue/catalogue.js';
import { AppError } from '../../http/app-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import type { Arrival, createArrivals } from '../../sign-ins/arrival.js';
import type { Store } from '../../store/store.js';
import { type CallbackView, renderCallbackPage } from './callback-page.js';

export interface SignInsDependencies {
  store: Store;
  catalogue: Catalogue;
  arrivals: ReturnType<typeof createArrivals>;
  now?: () => Date;
}

const problems: Record<
  Extract<Arrival, { ok: false }>['reason'],
  { title: string; detail: string; remedy: string }
> = {
  unknown: {
    title: 'This sign-in is not known here',
    detail: 'The address you arrived at belongs to no sign-in that was begun on this server.',
    remedy: 'Begin again in the application you came from, and use its newest link.',
  },
  expired: {
    title: 'This sign-in has expired',
    detail: 'It was begun too long ago. Nothing was stored.',
    remedy: 'Begin again in the application you came from.',
  },
  used: {
    title: 'This sign-in has ended already',
    detail: 'Its code was used, or another answer arrived first.',
    remedy: 'If the connection does not work yet, begin again in the application you came from.',
  },
  issuer: {
    title: 'The answer came from somewhere else',
    detail:
      'The identity provider that answered is not the one this sign-in was sent to, so it was stopped. Nothing was stored.',
    remedy: 'Begin again. If it happens once more, tell your administrator.',
  },
  provider: {
    title: 'The sign-in was not completed',
    detail: 'The identity provider did not give a code.',
    remedy:
      'If you cancelled, you can close this page. Otherwise begin again in the application you came from.',
  },
};

/** State of one's own sign-in, and the page people land on. */
export function createSignInsFeature({
  store,
  catalogue,
  arrivals,
  now = () => new Date(),
}: SignInsDependencies): BoundRoute[] {
  const viewOf = (arrival: Arrival): CallbackView => {
    if (!arrival.ok) {
      const problem = problems[arrival.reason];
      const code = arrival.providerError ? ` It answered: ${arrival.providerError}.` : '';
      return { kind: 'problem', ...problem, detail: problem.detail + code };
    }
    return {
      kind: 'code',
      code: arrival.ticket,
      initiatorName: arrival.initiatorName,
      sourceName: catalogue.get(arrival.sourceId).name,
      ...(arrival.connectionName ? { connectionName: arrival.connectionName } : {}),
      expiresAt: arrival.expiresAt,
    };
  };

  return [
    bind(getSignIn, async ({ params }, { caller }) => {
      const row = await store.db
        .selectFrom('sign_in')
        .selectAll()
        .where('id', '=', params.id.toLowerCase())
        .where('tenant_id', '=', caller.tenantId)
        .where('user_id', '=', caller.userId)
        .executeTakeFirst();
      if (!row) throw new AppError('NOT-FOUND', 'You began no such sign-in.');
      const isOpen = row.status === 'pending' || row.status === 'arrived';
      const state = isOpen && row.expires_at <= now().toISOString() ? 'expired' : row.status;
      return {
        status: 200,
        body: {
          id: row.id,
          state,
          dataSourceId: row.source_id,
          ...(row.connection_id === null ? {} : { connectionId: row.connection_id }),
          createdAt: row.created_at,
          expiresAt: row.expires_at,
          ...(row.error === null ? {} : { error: row.error }),
        },
      };
    }),
    bind(signInCallback, async ({ params }, { request }) => {
      const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?') + 1) : '';
      const arrival = await arrivals.arrive(params.context, new URLSearchParams(query));
      const { html, headers } = renderCallbackPage(viewOf(arrival));
      return { status: arrival.ok ? 200 : 400, body: html, headers };
    }),
  ];
}
