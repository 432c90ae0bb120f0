// The life of an interactive grant as a table. `docs/reference/grant-lifecycle.md` is generated from it, and a test asserts
// that each row has a test, named by its id.

export const grantStates = {
  pending: 'A sign-in has begun; no redirect has arrived yet. Row in `sign_in`.',
  redeeming: 'One request is exchanging the code. `sign_in.status`, with an intent.',
  ready: 'The grant is stored and may be used. `credential.state`, no intent in `grant_state`.',
  refreshing:
    'One process is refreshing it: `grant_state` has a holder, a lease and the version it refreshes.',
  suspect:
    'A refresh ended and its outcome is not known: the version is still noted, without a lease. Used as `ready` is; the next refresh tries again.',
  needs_sign_in: 'The provider ended the grant, or requires the user to sign in.',
  needs_confirmation: 'The connection now points elsewhere, and the user has not allowed that yet.',
  revoked: 'The credential is deleted and its data key destroyed.',
} as const;

type GrantState = keyof typeof grantStates;

type Row = readonly [id: string, event: string, to: GrantState, effect: string];

const events: Record<GrantState, readonly Row[]> = {
  pending: [
    ['P1', 'the redirect arrives', 'pending', 'The code is sealed and a ticket is shown. No token call.'],
    ['P2', 'it expires', 'revoked', 'Verifier and code are destroyed; the code is refused from then on.'],
    ['P3', 'fifty requests send the code', 'redeeming', 'One claims it; one token call.'],
  ],
  redeeming: [
    ['R1', 'the provider issues tokens', 'ready', 'Grant, account and connection in one transaction.'],
    ['R2', 'the provider refuses the code', 'revoked', 'The sign-in has failed; the user begins again.'],
    ['R3', 'the provider is down', 'pending', 'The same code may be sent again.'],
    ['R4', 'the process dies', 'revoked', 'The sign-in has failed; the user begins again.'],
  ],
  ready: [
    ['G1', 'a use, the token has life left', 'ready', 'No call.'],
    [
      'G2',
      'a use, the token is about to end',
      'refreshing',
      'The use continues with the old token meanwhile.',
    ],
    ['G3', 'a use, the token has ended', 'refreshing', 'All uses wait for the one refresh.'],
    [
      'G4',
      'the source refuses the token',
      'refreshing',
      'One refresh; the use is tried once more with the new token.',
    ],
    ['G5', 'half of the idle time has passed', 'refreshing', 'Refreshed although it is idle.'],
    ['G6', 'the destination changes', 'needs_confirmation', 'The grant stays sealed.'],
    ['G7', 'the credential is deleted', 'revoked', 'Data key destroyed, grant revoked at the provider.'],
  ],
  refreshing: [
    ['F1', 'new tokens', 'ready', 'Stored before they are used; an omitted refresh token stays the old one.'],
    [
      'F2',
      'the provider proves the grant dead',
      'needs_sign_in',
      'One call of all nodes together, then none.',
    ],
    [
      'F3',
      'the provider requires the user',
      'needs_sign_in',
      'The grant is kept until the user has signed in.',
    ],
    [
      'F4',
      'down, cut off, or an invalid answer',
      'suspect',
      'A pause that doubles. If a byte of the request was sent, the error says that it is not known whether the sign-in was refreshed.',
    ],
    ['F5', 'too many requests', 'ready', 'All nodes respect `Retry-After`.'],
    ['F6', 'the provider refuses our client', 'ready', 'The operator has to act, not the user.'],
    [
      'F7',
      'the process dies',
      'suspect',
      'The next start of its data folder frees the lease, unless the machine was restarted meanwhile. Otherwise another process takes it once the longest call and storing its answer could have ended (150 s), and no sooner than after watching it for 10 s in a store that takes writes.',
    ],
    ['F8', 'the credential is deleted', 'revoked', 'The new tokens are revoked.'],
    [
      'F9',
      'a newer sign-in completes',
      'ready',
      'The newer one stays; the tokens of the refresh are dropped, not revoked.',
    ],
    [
      'F10',
      'the answer comes after the lease was lost',
      'ready',
      'The newest tokens of the version are kept, also if another node has since found the grant dead.',
    ],
    [
      'F11',
      'the store fails',
      'ready',
      'Tokens wait in memory for as long as the process lives, and sealed in its data folder; they are stored when the store is back, or by the next start of that folder.',
    ],
    [
      'F12',
      'the process is suspended before it has sent anything',
      'ready',
      'Nothing is sent under a lease older than 20 s; it is released and taken again.',
    ],
    [
      'F13',
      'no answer for long',
      'refreshing',
      'Callers stop waiting after 20 s, with an error that says that the outcome is not known yet; the process waits for 60 s and keeps the answer.',
    ],
  ],
  suspect: [
    ['S1', 'a use', 'refreshing', 'One more try; the answer decides.'],
    [
      'S2',
      'a use within the pause',
      'suspect',
      'No call; the old token while it is valid, else an error that says when to retry.',
    ],
    [
      'S3',
      'a use within a back-off, 5 s after the last call to that provider',
      'refreshing',
      'One exchange goes ahead as a probe; once the provider answers, the others need not wait either. A `Retry-After` of the provider is respected.',
    ],
  ],
  needs_sign_in: [
    ['N1', 'a use', 'needs_sign_in', 'Typed refusal with a link; no call.'],
    ['N2', 'the user signs in', 'ready', 'The same use succeeds.'],
    ['N3', 'the credential is deleted', 'revoked', 'As from `ready`.'],
  ],
  needs_confirmation: [
    ['C1', 'a use', 'needs_confirmation', 'Typed refusal; the grant is not opened.'],
    ['C2', 'the user confirms', 'ready', 'Only the destination that was shown.'],
  ],
  revoked: [
    ['D1', 'a use', 'revoked', 'Typed refusal: missing.'],
    ['D2', 'the provider was down', 'revoked', 'The revocation is sent later, from the sealed queue.'],
  ],
};

export const grantLifecycle = Object.entries(events).flatMap(([from, rows]) =>
  rows.map(([id, event, to, effect]) => ({ id, from, event, to, effect })),
);

/** What holds in every state, after every event and every crash. */
export const grantInvariants: readonly string[] = [
  'A token is stored before it is handed out.',
  'Of all processes on a store at most one calls the provider for a grant at a time, and only under a lease. A refresh token that may be used up is not sent again before the longest call and storing its answer could have ended, unless its process is proven gone; silence proves nothing.',
  'Every write names the version it was made from; a late writer changes nothing.',
  'Only an answer of the provider moves a grant to `needs_sign_in`; timeouts, errors, crashes and outages of the store do not.',
  'Issued tokens are stored, or kept until they can be; they are never revoked because the store is unavailable.',
  'Before every irreversible call there is a durable note that it is about to happen.',
  'After a crash a grant costs at most one token call at a time, with a pause after each failure: never a loop.',
];

/** What a start finds after kill -9, and the result. */
export const crashPoints: readonly { point: string; found: string; result: string }[] = [
  {
    point: 'after the intent, before the call',
    found: 'an intent, an old refresh token that is good',
    result: 'the next use refreshes it: one call, `ready`',
  },
  {
    point: 'the provider has rotated, its answer is not here',
    found: 'an intent, a refresh token that is used up',
    result:
      'the next use tries once; the provider refuses it: one call, `needs_sign_in` (or `ready` where the provider has a grace period)',
  },
  {
    point: 'the answer is here, not stored',
    found: 'the same; in an outage of the store the new tokens too, sealed in the data folder',
    result:
      'the same, and the lost token was not handed out; in an outage the new tokens are stored before anything else: no call',
  },
  {
    point: 'stored, no caller answered yet',
    found: 'the new tokens, no intent',
    result: 'used as they are: no call',
  },
  { point: 'answered, lease not released', found: 'the new tokens', result: 'used as they are: no call' },
  {
    point: 'during a code exchange',
    found: 'an intent and a sign-in that is `redeeming`',
    result:
      'the sign-in has failed; on a shared store two minutes later, as another node may be at work on it',
  },
];
