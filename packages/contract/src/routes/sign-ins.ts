import { z } from 'zod';
import { ignored } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema, nameSchema } from '../wire.js';

// Interactive sign-in: DESIGN section 5.

export const signInStateSchema = z.enum([
  'pending',
  'arrived',
  'redeeming',
  'needs_choice',
  'completed',
  'failed',
  'expired',
]);
export type SignInState = z.infer<typeof signInStateSchema>;

/** What to do with a grant for a different account than before. */
export const accountChoiceSchema = z.enum(['replace', 'add', 'cancel']);

const signInSchema = z
  .object({
    id: z.string(),
    state: signInStateSchema,
    dataSourceId: z.string(),
    connectionId: z.string().optional(),
    credentialId: z.string().optional().meta({ description: 'Your credential that the sign-in renews' }),
    createdAt: instantSchema,
    expiresAt: instantSchema,
    error: z.string().optional().meta({
      description: "Why it failed: the provider's error code, or a code of Mooring such as another_account",
    }),
    account: z
      .object({ remembered: z.string().optional(), signedIn: z.string().optional() })
      .optional()
      .meta({ description: 'Masked; present in the state needs_choice' }),
    choices: z.array(accountChoiceSchema).optional(),
  })
  .meta({ id: 'SignIn' });

export const getSignIn = defineRoute({
  id: 'getSignIn',
  method: 'GET',
  path: '/api/v1/sign-ins/{id}',
  summary: 'Get the state of an interactive sign-in that you started',
  tag: 'sign-ins',
  permission: 'The user who started the sign-in.',
  tier: 1,
  params: z.object({ id: z.string().min(1).max(64) }),
  responses: {
    200: {
      description: 'The state',
      schema: signInSchema,
    },
  },
  errors: ['NOT-FOUND'],
});

/** The redirect URI. Each sign-in has its own path, so that a code of another sign-in is refused. */
export const signInCallback = defineRoute({
  id: 'signInCallback',
  method: 'GET',
  path: '/oauth/callback/{context}',
  unknownInput: ignored,
  summary: 'Redirect URI for the identity provider',
  description:
    'Shows a page with a one-time code to copy. Stores only that the redirect arrived; the user who started the sign-in completes it.',
  tag: 'sign-ins',
  public: true,
  permission: 'Public; `state` and `iss` are verified.',
  tier: 'none',
  params: z.object({ context: z.string().min(1).max(128) }),
  responses: { 200: { description: 'The page', contentTypes: ['text/html'] } },
  errors: ['DCERROR-0010'],
});

export const chooseAccount = defineRoute({
  id: 'chooseAccount',
  method: 'POST',
  path: '/api/v1/sign-ins/{id}/actions/choose',
  summary: 'Choose what to do with a grant for a different account',
  description:
    'For a sign-in whose account differs from the one that the credential uses, or is unknown. `replace`: the credential switches to the new account. `add`: creates a second credential and uses it on this connection. `cancel`: revokes the new grant.',
  tag: 'sign-ins',
  permission: 'The user who started the sign-in.',
  tier: 2,
  params: z.object({ id: z.string().min(1).max(64) }),
  body: z.object({ choice: accountChoiceSchema, credentialsName: nameSchema.optional() }),
  responses: { 200: { description: 'The new state', schema: signInSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND', 'SIGN-IN-INVALID', 'SIGN-IN-IN-PROGRESS', 'CONFLICT'],
});

/** The button of the page that renews a sign-in. */
export const renewSignIn = defineRoute({
  id: 'renewSignIn',
  method: 'POST',
  path: '/oauth/callback/{context}/renew',
  unknownInput: ignored,
  summary: 'Renew a sign-in in place, from the page after the redirect',
  description:
    'Only for a credential whose user started the renewal, and only if the account is the same; otherwise nothing is stored, and the new grant is revoked at the provider.',
  tag: 'sign-ins',
  public: true,
  permission: 'Public; requires the one-time ticket of the page, sent from that page.',
  tier: 'none',
  params: z.object({ context: z.string().min(1).max(128) }),
  bodyTypes: ['application/x-www-form-urlencoded'],
  body: z.object({ ticket: z.string().min(1).max(128) }),
  responses: { 200: { description: 'A page with the result', contentTypes: ['text/html'] } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});
