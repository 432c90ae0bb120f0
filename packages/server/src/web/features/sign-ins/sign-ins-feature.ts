import type { IncomingHttpHeaders } from 'node:http';
import { chooseAccount, getSignIn, renewSignIn, signInCallback } from '@mooring/contract/routes/sign-ins';
import type { Caller } from '../../../core/access/caller.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import { maskedAccount, rememberedAccount } from '../../../core/credentials/grants.js';
import type {
  Arrival,
  createArrivals,
  createRenewals,
  ParkedGrants,
  Renewal,
  SignIns,
} from '../../../core/credentials/sign-ins.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import type { SignInTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type CallbackView, renderCallbackPage } from './callback-page.js';

export interface SignInsDependencies {
  store: Store;
  catalogue: Catalogue;
  arrivals: ReturnType<typeof createArrivals>;
  renewals: ReturnType<typeof createRenewals>;
  parked: ParkedGrants;
  publicUrl: () => string;
  signIns: Pick<SignIns, 'poll'>;
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

const outcomes: Record<
  Extract<Renewal, { ok: false }>['reason'],
  { title: string; detail: string; remedy: string }
> = {
  unknown: problems.unknown,
  expired: problems.expired,
  used: problems.used,
  provider: problems.provider,
  again: {
    title: 'The identity provider does not answer',
    detail: 'Nothing was changed, and nothing was lost.',
    remedy: 'Go back to the page before this one and try again in a moment.',
  },
  different: {
    title: 'Another account has signed in',
    detail:
      'It is not the account that this credential had, so nothing was kept: what the identity provider granted is ended there.',
    remedy:
      'Sign in with the same account as before. Whoever started this and wants to use another account begins again, and pastes the code where they started.',
  },
  unproven: {
    title: 'The account could not be recognised',
    detail:
      'The identity provider did not say which account has signed in, so nothing was kept: what it granted is ended there.',
    remedy: 'Begin again where you started, and paste the code there instead of pressing the button.',
  },
};

/** State of one's own sign-in, and the page people land on. */
export function createSignInsFeature({
  store,
  catalogue,
  arrivals,
  renewals,
  parked,
  publicUrl,
  signIns,
  now = () => new Date(),
}: SignInsDependencies): BoundRoute[] {
  const find = async (caller: Caller, id: string): Promise<SignInTable> => {
    const row = await store.db
      .selectFrom('sign_in')
      .selectAll()
      .where('id', '=', id.toLowerCase())
      .where('tenant_id', '=', caller.tenantId)
      .where('user_id', '=', caller.userId)
      .executeTakeFirst();
    if (!row) throw new AppError('NOT-FOUND', 'You began no such sign-in.');
    return row;
  };

  const accountsOf = async (row: SignInTable) => {
    const { account_issuer: issuer, account_subject: subject, account_email: email } = row;
    const remembered =
      row.credential_id === null
        ? undefined
        : await rememberedAccount(store.db, {
            ...{ id: row.credential_id, tenant_id: row.tenant_id, owner_id: row.user_id },
          });
    return {
      ...(remembered ? { remembered: maskedAccount(remembered) } : {}),
      ...(issuer && subject
        ? { signedIn: maskedAccount({ issuer, subject, ...(email ? { email } : {}) }) }
        : {}),
    };
  };

  const present = async (row: SignInTable) => {
    const isOpen = row.status === 'pending' || row.status === 'arrived' || row.status === 'needs_choice';
    const state = isOpen && row.expires_at <= now().toISOString() ? ('expired' as const) : row.status;
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
        ? { account: await accountsOf(row), choices: ['replace', 'add', 'cancel'] as const }
        : {}),
    };
  };

  const viewOf = (arrival: Arrival, context: string): CallbackView => {
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
      ...(arrival.renews === undefined
        ? {}
        : {
            renewal: {
              account: arrival.renews,
              action: `/oauth/callback/${encodeURIComponent(context)}/renew`,
            },
          }),
    };
  };

  /** A form of another site cannot press the button: browsers say where a request comes from. */
  const assertFromOwnPage = (headers: IncomingHttpHeaders): void => {
    const site = headers['sec-fetch-site'];
    const { origin } = headers;
    const isOwn =
      (site === undefined || site === 'same-origin') &&
      (origin === undefined || origin === 'null' || origin === new URL(publicUrl()).origin);
    if (!isOwn) throw new AppError('ACCESS-DENIED', 'This can only be sent from the page itself.');
  };

  return [
    bind(getSignIn, async ({ params }, { caller }) => ({
      status: 200,
      body: await present(await signIns.poll(await find(caller, params.id))),
    })),
    bind(chooseAccount, async ({ params, body }, { caller }) => {
      await parked.choose(caller, params.id, body.choice, body.credentialsName);
      return { status: 200, body: await present(await find(caller, params.id)) };
    }),
    bind(renewSignIn, async ({ params, body }, { request }) => {
      assertFromOwnPage(request.headers);
      const renewal = await renewals.renew(params.context, body.ticket);
      const view: CallbackView = renewal.ok
        ? {
            kind: 'done',
            title: 'Signed in again',
            detail: `The sign-in of ${renewal.account} works again.`,
            remedy: `You can close this page. What was refused before works now, as it is.${
              renewal.endsAt === undefined
                ? ''
                : ` The provider gave no way to renew it: it ends on ${renewal.endsAt.slice(0, 10)} at ${renewal.endsAt.slice(11, 16)} UTC.`
            }`,
          }
        : { kind: 'problem', ...outcomes[renewal.reason] };
      const { html, headers } = renderCallbackPage(view);
      return { status: renewal.ok ? 200 : 409, body: html, headers };
    }),
    bind(signInCallback, async ({ params }, { request }) => {
      const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?') + 1) : '';
      const arrival = await arrivals.arrive(params.context, new URLSearchParams(query));
      const { html, headers } = renderCallbackPage(viewOf(arrival, params.context));
      return { status: arrival.ok ? 200 : 400, body: html, headers };
    }),
  ];
}
