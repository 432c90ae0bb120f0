// The life of an interactive grant as a table. `docs/reference/grant-lifecycle.md` is made of it, and a test holds
// that each row has a test of its own, named by its id.

export const grantStates = {
  pending: 'A sign-in was begun; nobody has come back from the provider yet. Row in `sign_in`.',
  redeeming: 'One request is exchanging the code. `sign_in.status`, with an intent.',
  ready: 'The grant is stored and may be used. `credential.state`, no intent in `grant_state`.',
  refreshing: 'One process is renewing it: `grant_state` has a holder, a lease and the version it renews.',
  suspect:
    'A renewal ended and its outcome is not known: the version is still noted, and nobody has a lease. Used as `ready` is; the next renewal tries again.',
  needs_sign_in: 'The provider said that the grant has ended, or that it wants the person.',
  needs_confirmation: 'The connection now points elsewhere, and the person has not allowed that yet.',
  revoked: 'The credential is deleted and its data key destroyed.',
} as const;

export type GrantState = keyof typeof grantStates;

export interface Transition {
  id: string;
  from: GrantState;
  event: string;
  to: GrantState;
  effect: string;
}

const row = (id: string, from: GrantState, event: string, to: GrantState, effect: string): Transition => ({
  id,
  from,
  event,
  to,
  effect,
});

export const grantLifecycle: readonly Transition[] = [
  row(
    'P1',
    'pending',
    'the redirect arrives',
    'pending',
    'The code is sealed and a ticket shown. No token call.',
  ),
  row(
    'P2',
    'pending',
    'its time passes',
    'revoked',
    'Verifier and code are destroyed; the code is refused from then on.',
  ),
  row('P3', 'pending', 'fifty requests bring the code', 'redeeming', 'One claims it; one token call.'),
  row(
    'R1',
    'redeeming',
    'the provider gives tokens',
    'ready',
    'Grant, account and connection in one transaction.',
  ),
  row(
    'R2',
    'redeeming',
    'the provider refuses the code',
    'revoked',
    'The sign-in has failed; the person begins again.',
  ),
  row('R3', 'redeeming', 'the provider is down', 'pending', 'The same code may be sent again.'),
  row('R4', 'redeeming', 'the process dies', 'revoked', 'The sign-in has failed; the person begins again.'),
  row('G1', 'ready', 'a use, the token has life left', 'ready', 'No call.'),
  row(
    'G2',
    'ready',
    'a use, the token is about to end',
    'refreshing',
    'The use goes on with the old token meanwhile.',
  ),
  row('G3', 'ready', 'a use, the token has ended', 'refreshing', 'All uses wait for the one renewal.'),
  row(
    'G4',
    'ready',
    'the source refuses the token',
    'refreshing',
    'One renewal; the use is tried once more with the new token.',
  ),
  row('G5', 'ready', 'half of the idle time has passed', 'refreshing', 'Renewed although nobody uses it.'),
  row('G6', 'ready', 'the destination changes', 'needs_confirmation', 'The grant stays sealed.'),
  row('G7', 'ready', 'the credential is deleted', 'revoked', 'Data key destroyed, provider told.'),
  row(
    'F1',
    'refreshing',
    'new tokens',
    'ready',
    'Stored before they are used; an omitted refresh token stays the old one.',
  ),
  row(
    'F2',
    'refreshing',
    'the provider proves the grant dead',
    'needs_sign_in',
    'One call of all nodes together, then none.',
  ),
  row(
    'F3',
    'refreshing',
    'the provider wants the person',
    'needs_sign_in',
    'The grant is kept until the person has signed in.',
  ),
  row(
    'F4',
    'refreshing',
    'down, cut off, or an answer that is none',
    'suspect',
    'A pause that doubles. Callers are told that it is not known whether the sign-in was renewed, where a byte of the request was sent.',
  ),
  row('F5', 'refreshing', 'too many requests', 'ready', '`Retry-After` is honoured by all nodes.'),
  row(
    'F6',
    'refreshing',
    'the provider refuses our client',
    'ready',
    'An operator is asked to look; the person is not.',
  ),
  row(
    'F7',
    'refreshing',
    'the process dies',
    'suspect',
    'The next start of its data folder frees the lease, unless the machine was restarted meanwhile. Without one, others take it when the longest call and its storing could have ended (150 s), and no sooner than after watching it for 10 s in a store that takes writes.',
  ),
  row('F8', 'refreshing', 'the credential is deleted', 'revoked', 'What was just issued is revoked.'),
  row(
    'F9',
    'refreshing',
    'a newer sign-in completes',
    'ready',
    'The newer one stays; what the renewal brought is dropped, not revoked.',
  ),
  row(
    'F10',
    'refreshing',
    'the answer comes after the lease was lost',
    'ready',
    'The newest tokens of the version are kept, also where another node was told meanwhile that the grant is dead.',
  ),
  row(
    'F11',
    'refreshing',
    'the store fails',
    'ready',
    'Tokens wait in memory for as long as the process lives, and sealed in its data folder; they are stored when the store is back, or by the next start of that folder.',
  ),
  row(
    'F12',
    'refreshing',
    'the process stands still before it has sent anything',
    'ready',
    'Nothing is sent under a lease older than 20 s; it is given back and taken anew.',
  ),
  row(
    'F13',
    'refreshing',
    'no answer for long',
    'refreshing',
    'Callers stop waiting after 20 s and are told that nobody knows yet; the process listens for 60 s and keeps what comes.',
  ),
  row('S1', 'suspect', 'a use', 'refreshing', 'One try more; the answer decides.'),
  row(
    'S2',
    'suspect',
    'a use within the pause',
    'suspect',
    'No call; the old token while it lasts, else an error that says when.',
  ),
  row(
    'S3',
    'suspect',
    'a use within a pause of our own choice, 5 s after the last call to that provider',
    'refreshing',
    'One exchange goes ahead as a probe; once the provider answers, the others need not wait either. A pause that the provider asked for is kept.',
  ),
  row('N1', 'needs_sign_in', 'a use', 'needs_sign_in', 'Typed refusal with a link; no call.'),
  row('N2', 'needs_sign_in', 'the person signs in', 'ready', 'The same use succeeds.'),
  row('N3', 'needs_sign_in', 'the credential is deleted', 'revoked', 'As from `ready`.'),
  row('C1', 'needs_confirmation', 'a use', 'needs_confirmation', 'Typed refusal; the grant is not opened.'),
  row('C2', 'needs_confirmation', 'the person confirms', 'ready', 'Only the destination that was shown.'),
  row('D1', 'revoked', 'a use', 'revoked', 'Typed refusal: missing.'),
  row('D2', 'revoked', 'the provider was down', 'revoked', 'It is told later, from the sealed queue.'),
];

/** What holds in every state, after every event and every crash. */
export const grantInvariants: readonly string[] = [
  'A token is stored before anybody is given it.',
  'Of all processes on a store at most one calls the provider for a grant at a time, and only under a lease. A refresh token that may be used up is not sent again before the longest answer and its storing could have ended, unless its process is proven gone; silence proves nothing.',
  'Every write names the version it was made from; whoever is late changes nothing.',
  'Only an answer of the provider moves a grant to `needs_sign_in`; time-outs, errors, crashes and outages of the store do not.',
  'Tokens that were issued are stored or kept until they can be; they are never revoked because the store is away.',
  'Before every call that cannot be taken back there is a durable note that it is about to happen.',
  'After a crash a grant costs at most one token call at a time, with a pause after each failure: never a loop.',
];

/** What a start finds after kill -9, and what becomes of it. */
export const crashPoints: readonly { point: string; found: string; result: string }[] = [
  {
    point: 'after the intent, before the call',
    found: 'an intent, an old refresh token that is good',
    result: 'the next use renews it: one call, `ready`',
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
      'the same, and nobody has been given the lost token; in an outage they are stored before anything else: no call',
  },
  {
    point: 'stored, nobody answered yet',
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
