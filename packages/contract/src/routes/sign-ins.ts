import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';

// Interactive sign-in: DESIGN section 5.

export const signInStateSchema = z.enum([
  'pending',
  'arrived',
  'redeeming',
  'completed',
  'failed',
  'expired',
]);
export type SignInState = z.infer<typeof signInStateSchema>;

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
      schema: z
        .object({
          id: z.string(),
          state: signInStateSchema,
          dataSourceId: z.string(),
          connectionId: z.string().optional(),
          createdAt: instantSchema,
          expiresAt: instantSchema,
          error: z.string().optional().meta({ description: "The provider's error code, when it failed" }),
        })
        .meta({ id: 'SignIn' }),
    },
  },
  errors: ['NOT-FOUND'],
});

/** The redirect URI. Each sign-in has a path of its own, so a code that belongs to another is refused. */
export const signInCallback = defineRoute({
  id: 'signInCallback',
  method: 'GET',
  path: '/oauth/callback/{context}',
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
