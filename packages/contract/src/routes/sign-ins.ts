import { z } from 'zod';
import { passedOver } from '../passed-over.js';
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

/** What may be done with a grant of another account than before. */
export const accountChoiceSchema = z.enum(['replace', 'add', 'cancel']);

const signInSchema = z
  .object({
    id: z.string(),
    state: signInStateSchema,
    dataSourceId: z.string(),
    connectionId: z.string().optional(),
    credentialId: z.string().optional().meta({ description: 'Your credential that is being renewed' }),
    createdAt: instantSchema,
    expiresAt: instantSchema,
    error: z.string().optional().meta({
      description: "Why it failed: the provider's error code, or a word of ours such as another_account",
    }),
    account: z
      .object({ remembered: z.string().optional(), signedIn: z.string().optional() })
      .optional()
      .meta({ description: 'Masked; there when the state is needs_choice' }),
    choices: z.array(accountChoiceSchema).optional(),
  })
  .meta({ id: 'SignIn' });

export const getSignIn = defineRoute({
  id: 'getSignIn',
  method: 'GET',
  path: '/api/v1/sign-ins/{id}',
  summary: 'State of an interactive sign-in you began',
  tag: 'sign-ins',
  auth: 'person',
  permission: 'Whoever began it.',
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

/** The redirect URI. Each sign-in has a path of its own, so a code that belongs to another is refused. */
export const signInCallback = defineRoute({
  id: 'signInCallback',
  method: 'GET',
  path: '/oauth/callback/{context}',
  passesOver: passedOver,
  summary: 'Where the identity provider sends the person back',
  description:
    'A page with a one-time code to copy. Nothing is stored but the arrival; the person who began completes it.',
  tag: 'sign-ins',
  auth: 'public',
  permission: 'Public; checks `state` and `iss`.',
  tier: 'none',
  params: z.object({ context: z.string().min(1).max(128) }),
  responses: { 200: { description: 'The page', contentTypes: ['text/html'] } },
  errors: ['DCERROR-0010'],
});

export const chooseAccount = defineRoute({
  id: 'chooseAccount',
  method: 'POST',
  path: '/api/v1/sign-ins/{id}/actions/choose',
  summary: 'Say what to do with the grant of another account',
  description:
    'When the account of a pasted code is not known to be the one the credential had. `replace`: the credential is that account from now on. `add`: a new credential beside the old one, used on this connection. `cancel`: the grant is ended.',
  tag: 'sign-ins',
  auth: 'person',
  permission: 'Whoever began it.',
  tier: 2,
  params: z.object({ id: z.string().min(1).max(64) }),
  body: z.object({ choice: accountChoiceSchema, credentialsName: nameSchema.optional() }),
  responses: { 200: { description: 'The state after it', schema: signInSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND', 'SIGN-IN-INVALID', 'SIGN-IN-IN-PROGRESS', 'CONFLICT'],
});

/** The one button of the page that renews a sign-in. */
export const renewSignIn = defineRoute({
  id: 'renewSignIn',
  method: 'POST',
  path: '/oauth/callback/{context}/renew',
  passesOver: passedOver,
  summary: 'Renew a sign-in in place, from the page the provider sends the person to',
  description:
    'Only for a credential that its person began to renew, and only when the account is the one it had; otherwise nothing is kept, and the grant is ended at the provider.',
  tag: 'sign-ins',
  auth: 'public',
  permission: 'Public; whoever has the one-time ticket of the page, from the page itself.',
  tier: 'none',
  params: z.object({ context: z.string().min(1).max(128) }),
  bodyTypes: ['application/x-www-form-urlencoded'],
  body: z.object({ ticket: z.string().min(1).max(128) }),
  responses: { 200: { description: 'A page that says what happened', contentTypes: ['text/html'] } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});
