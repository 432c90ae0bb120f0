import type { Arrival, Renewal } from '../../../core/credentials/sign-ins.js';
import type { CallbackView } from './callback-page.js';

type Notice = Pick<Extract<CallbackView, { kind: 'problem' }>, 'title' | 'detail' | 'remedy'>;

const problems: Record<Extract<Arrival, { ok: false }>['reason'], Notice> = {
  unknown: {
    title: 'Unknown sign-in',
    detail: 'This address does not match a sign-in that was started on this server.',
    remedy: 'Start again in the application you came from, and use its newest link.',
  },
  expired: {
    title: 'This sign-in has expired',
    detail: 'It was started too long ago. Nothing was stored.',
    remedy: 'Start again in the application you came from.',
  },
  used: {
    title: 'This sign-in has ended already',
    detail: 'Its code was used, or another response arrived first.',
    remedy: 'If the connection does not work yet, start again in the application you came from.',
  },
  issuer: {
    title: 'The response came from a different provider',
    detail:
      'The identity provider that responded is not the one this sign-in was sent to, so it was stopped. Nothing was stored.',
    remedy: 'Start again. If it happens again, tell your administrator.',
  },
  provider: {
    title: 'The sign-in was not completed',
    detail: 'The identity provider did not issue a code.',
    remedy:
      'If you cancelled, you can close this page. Otherwise start again in the application you came from.',
  },
};

const outcomes: Record<Extract<Renewal, { ok: false }>['reason'], Notice> = {
  unknown: problems.unknown,
  expired: problems.expired,
  used: problems.used,
  provider: problems.provider,
  again: {
    title: 'The identity provider does not answer',
    detail: 'Nothing was changed or lost.',
    remedy: 'Go back to the previous page and try again in a moment.',
  },
  different: {
    title: 'You signed in with a different account',
    detail:
      'This credential uses another account, so nothing was stored, and the new grant is revoked at the identity provider.',
    remedy:
      'Sign in with the same account as before. To use a different account, start again and paste the code where you started.',
  },
  unproven: {
    title: 'The account could not be identified',
    detail:
      'The identity provider did not say which account signed in, so nothing was stored, and the new grant is revoked there.',
    remedy: 'Start again where you started, and paste the code there instead of pressing the button.',
  },
};

/**
 * What the page shows when a provider has redirected a user.
 * @param sourceNameOf name of a data source by its id
 */
export function viewOfArrival(
  arrival: Arrival,
  context: string,
  sourceNameOf: (sourceId: string) => string,
): CallbackView {
  if (!arrival.ok) {
    const problem = problems[arrival.reason];
    const code = arrival.providerError ? ` Its error: ${arrival.providerError}.` : '';
    return { kind: 'problem', ...problem, detail: problem.detail + code };
  }
  return {
    kind: 'code',
    code: arrival.ticket,
    initiatorName: arrival.initiatorName,
    sourceName: sourceNameOf(arrival.sourceId),
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
}

/** What the page shows after its button was pressed. */
export function viewOfRenewal(renewal: Renewal): CallbackView {
  if (!renewal.ok) return { kind: 'problem', ...outcomes[renewal.reason] };
  const { account, endsAt } = renewal;
  const end =
    endsAt === undefined
      ? ''
      : ` The identity provider issued no refresh token, so it ends on ${endsAt.slice(0, 10)} at ${endsAt.slice(11, 16)} UTC.`;
  return {
    kind: 'done',
    title: 'Signed in again',
    detail: `The sign-in of ${account} works again.`,
    remedy: `You can close this page. Whatever failed because of it works again.${end}`,
  };
}
