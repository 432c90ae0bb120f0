import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';

// What an operator has to set right outside of this server before people can sign in.

const finding = {
  detail: z.string(),
  remedy: z.string().optional().meta({ description: 'What to do; absent when nothing is wrong' }),
};

export const selfCheckSchema = z
  .object({
    checkedAt: instantSchema,
    publicUrl: z.object({
      url: z.string(),
      state: z
        .enum(['derived', 'reached', 'other-process', 'elsewhere', 'unreachable'])
        .meta({ description: '`reached`: a request to it came back to this very process' }),
      ...finding,
    }),
    loopback: z.object({
      state: z
        .enum(['closed', 'reachable'])
        .meta({ description: 'Whether connections may lead to services on the host of this server' }),
      ...finding,
    }),
    runners: z.object({
      state: z.enum(['off', 'started', 'refused']).meta({
        description:
          'Whether a process that works on sources could be started just now; `off`: there are none',
      }),
      ...finding,
    }),
    clients: z.array(
      z.object({
        provider: z.string().meta({ description: 'Key under `oauth.clients`' }),
        redirectUri: z.string().meta({ description: 'To be registered at the provider, letter by letter' }),
        documentation: z.string().optional().meta({ description: "The provider's page about it" }),
        state: z.enum(['accepted', 'refused', 'unknown', 'unreachable', 'incomplete']).meta({
          description:
            'What the authorization server made of a request with this redirect; `unknown` where it does not say before somebody signs in',
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
  summary: 'Check public URL and redirects',
  description:
    'Asks the public URL whether it leads here, and each configured authorization server whether it takes the redirect, says whether connections may lead to the host of this server, and starts a process that works on sources. At most ten seconds.',
  tag: 'platform',
  auth: 'person',
  permission: 'Tenant administrators.',
  tier: 2,
  responses: { 200: { description: 'What was found', schema: selfCheckSchema } },
  errors: ['ACCESS-DENIED'],
});
