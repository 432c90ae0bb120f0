import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';

// Checks of what an operator must configure outside of this server before users can sign in.

const finding = {
  detail: z.string(),
  remedy: z.string().optional().meta({ description: 'What to do; absent if there is no problem' }),
};

export const selfCheckSchema = z
  .object({
    checkedAt: instantSchema,
    publicUrl: z.object({
      url: z.string(),
      state: z
        .enum(['derived', 'reached', 'other-process', 'elsewhere', 'unreachable'])
        .meta({ description: '`reached`: a request to the public URL arrived at this process' }),
      ...finding,
    }),
    loopback: z.object({
      state: z
        .enum(['closed', 'reachable'])
        .meta({ description: 'Whether connections may reach services on the host of this server' }),
      ...finding,
    }),
    runners: z.object({
      state: z.enum(['off', 'started', 'refused']).meta({
        description: 'Whether a runner could be started for this check; `off`: runners are disabled',
      }),
      ...finding,
    }),
    clients: z.array(
      z.object({
        provider: z.string().meta({ description: 'Key under `oauth.clients`' }),
        redirectUri: z.string().meta({ description: 'Register exactly this URI at the provider' }),
        documentation: z.string().optional().meta({ description: "The provider's documentation" }),
        state: z.enum(['accepted', 'refused', 'unknown', 'unreachable', 'incomplete']).meta({
          description:
            'Answer of the authorization server to a request with this redirect URI; `unknown` if it reveals this only at a sign-in',
        }),
        ...finding,
      }),
    ),
  })
  .meta({ id: 'SelfCheck' });
export type SelfCheckReply = z.infer<typeof selfCheckSchema>;

export const getSelfCheck = defineRoute({
  id: 'getSelfCheck',
  method: 'GET',
  path: '/api/v1/self-check',
  summary: 'Check public URL, redirect URIs and runners',
  description:
    'Checks that the public URL leads to this server, that each configured authorization server accepts the redirect URI, whether connections may reach the host of this server, and that a runner starts. Takes at most ten seconds.',
  tag: 'platform',
  permission: 'Tenant administrators.',
  tier: 2,
  responses: { 200: { description: 'The report', schema: selfCheckSchema } },
  errors: ['ACCESS-DENIED'],
});
