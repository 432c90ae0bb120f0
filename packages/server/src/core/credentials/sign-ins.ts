// Door of the room. An interactive sign-in from its start to a grant.

export { type Arrival, createArrivals } from './sign-ins/arrival.js';
export { coarseSignInError } from './sign-ins/coarse-sign-in.js';
export { createParkedGrants, type ParkedGrants } from './sign-ins/parked-grants.js';
export { createRenewals, type Renewal } from './sign-ins/renewal.js';
export type { BegunSignIn } from './sign-ins/sign-in-request.js';
export { changeWhile, dropIntent, endSignIn, purgeSignIns } from './sign-ins/sign-in-store.js';
export { createSignIns, type SignIns } from './sign-ins/sign-ins.js';
