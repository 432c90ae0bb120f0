import { signingKeySchema } from '@mooring/connectors/kit/private-key';
import { findProvider } from '@mooring/connectors/providers/registry';
import { manifests } from '@mooring/connectors/registry';
import { z } from 'zod';
import { isPlainLoopback } from '../egress/plain-loopback.js';

const urlSchema = z.url({ protocol: /^https?$/ }).describe('http or https URL');

export const oauthClientSchema = z.strictObject({
  clientId: z.string().min(1).describe('Client id that the provider gave you.'),
  clientSecret: z.string().min(1).optional().describe('Client secret; best as `env:NAME` or `file:PATH`.'),
  privateKey: signingKeySchema
    .optional()
    .describe(
      'Private key of the client as PEM, instead of a secret (`private_key_jwt`, RFC 7523); as `env:NAME` or `file:PATH`. The kind of key decides the algorithm.',
    ),
  keyId: z.string().min(1).optional().describe('`kid` under which the provider knows that key.'),
  loopbackRedirect: z
    .boolean()
    .optional()
    .describe(
      'The client is registered as a native one (RFC 8252): the command line may take the redirect at `http://127.0.0.1:<any port>/callback`.',
    ),
  place: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Tenant, domain or account that the client is registered in, for providers that have one. Connections that use the client must name the same.',
    ),
  origins: z
    .array(urlSchema)
    .optional()
    .describe(
      'Origins, for instance `https://api.example.com`, that `rest` connections without a client of their own may send this client’s tokens to. None unless given.',
    ),
  issuer: urlSchema
    .optional()
    .describe('Point the provider elsewhere: issuer. Alone, its metadata names the endpoints.'),
  authorizationEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: authorization endpoint.'),
  tokenEndpoint: urlSchema.optional().describe('Point the provider elsewhere: token endpoint.'),
  revocationEndpoint: urlSchema.optional().describe('Point the provider elsewhere: revocation endpoint.'),
  accountEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: where it says who signed in, where it does so on request.'),
  deviceAuthorizationEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: device authorization endpoint (RFC 8628).'),
  pushedAuthorizationRequestEndpoint: urlSchema
    .optional()
    .describe('Point the provider elsewhere: where authorization requests are pushed (RFC 9126).'),
});

/** What goes there is a token, or a request that one signed. */
const keyServiceUrlSchema = urlSchema.refine(
  (url) => url.startsWith('https:') || isPlainLoopback(url),
  'must be https; http is for this machine only',
);

export const transitSchema = z.strictObject({
  address: keyServiceUrlSchema.describe(
    'Address of HashiCorp Vault or OpenBao, for instance `https://vault.example:8200`.',
  ),
  mount: z.string().min(1).default('transit').describe('Path at which the transit engine is mounted.'),
  key: z.string().min(1).describe('Name of the transit key that the master key was encrypted with.'),
  ciphertext: z
    .string()
    .regex(/^vault:v\d+:[A-Za-z0-9+/=]+$/, 'must be what `transit/encrypt` answered: vault:v1:…')
    .describe('The encrypted master key, `vault:v1:…`.'),
  token: z.string().min(1).describe('Token that may decrypt with that key; as `env:NAME` or `file:PATH`.'),
  namespace: z.string().min(1).optional().describe('Namespace, where the service has them.'),
  ca: z.string().min(1).optional().describe('PEM certificates to trust beside the system’s; as `file:PATH`.'),
});

export const awsKmsSchema = z.strictObject({
  region: z.string().min(1).describe('AWS region of the key.'),
  keyId: z.string().min(1).describe('Id or ARN of the KMS key that the master key was encrypted with.'),
  ciphertext: z.base64().min(1).describe('The encrypted master key: `CiphertextBlob` as base64.'),
  encryptionContext: z
    .record(z.string(), z.string())
    .default({ service: 'mooring' })
    .describe('Encryption context that the master key was encrypted with.'),
  endpoint: keyServiceUrlSchema.optional().describe('Another address than the one of the region.'),
  accessKeyId: z
    .string()
    .min(1)
    .optional()
    .describe('Access key id; the environment variable `AWS_ACCESS_KEY_ID` unless given.'),
  secretAccessKey: z
    .string()
    .min(1)
    .optional()
    .describe('Secret access key, as `env:NAME` or `file:PATH`; `AWS_SECRET_ACCESS_KEY` unless given.'),
  sessionToken: z
    .string()
    .min(1)
    .optional()
    .describe('Session token of temporary keys; `AWS_SESSION_TOKEN` unless keys are given here.'),
});

export type SourceSettings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What each source lets an operator set: its manifest says so, and a misspelt name is refused. */
const sourcesSchema = z.strictObject(
  Object.fromEntries(
    manifests.map(({ id, settings }) => [
      id,
      z
        .strictObject(settings?.shape ?? {})
        .partial()
        .optional(),
    ]),
  ),
) as z.ZodType<object> as z.ZodType<SourceSettings, object>;

const quota = (most: number) => z.int().min(0).default(most);

/** The configuration file, as it may be written. */
export const fileSchema = z.strictObject({
  publicUrl: urlSchema
    .optional()
    .describe('URL under which people reach this server; redirects and links are made from it.'),
  trustedProxies: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an address or a CIDR range'))
    .default([])
    .describe(
      'Addresses or CIDR ranges of the proxies in front of this server. Of requests that come from one, `X-Forwarded-For` says who is guessing keys. Their own requests are not taken for those of this machine.',
    ),
  egress: z
    .strictObject({
      allow: z
        .array(z.string())
        .default([])
        .describe('Addresses or ranges that may be reached, each optionally with `:port`.'),
      loopback: z
        .enum(['auto', 'allow', 'deny'])
        .default('auto')
        .describe(
          '`auto`: loopback is reachable only when the server itself listens on loopback and the public URL, if one is set, is on loopback too.',
        ),
      spaces: z
        .record(z.string().regex(/^[\da-f]{24}$/, 'must be the id of a space'), z.array(z.string()))
        .default({})
        .describe(
          'By space id, what the connections of that space may reach beyond `egress.allow`, in the same form.',
        ),
    })
    .prefault({}),
  oauth: z
    .strictObject({
      clients: z
        .record(
          z.string().refine((id) => findProvider(id) !== undefined, 'unknown name'),
          oauthClientSchema,
        )
        .default({})
        .describe('OAuth clients by provider key.'),
    })
    .prefault({}),
  sources: sourcesSchema.prefault({}),
  keyService: z
    .strictObject({ transit: transitSchema.optional(), awsKms: awsKmsSchema.optional() })
    .refine(({ transit, awsKms }) => !(transit && awsKms), 'name one service, not two')
    .prefault({}),
  rateLimits: z
    .union([
      z.literal('off'),
      z.strictObject({ tier1PerMinute: z.int().min(1), tier2PerMinute: z.int().min(1) }),
    ])
    .default('off')
    .describe(
      "`off`, or requests a minute for each tier, judged over five minutes per person. A tenant may take half of its people's limits together. Qlik's are `{tier1PerMinute: 1000, tier2PerMinute: 100}`.",
    ),
  quotas: z
    .strictObject({
      connectionsPerUser: quota(10_000).describe('Connections that one user may own; 0: no limit.'),
      connectionsPerSpace: quota(50_000).describe('Connections that one space may hold; 0: no limit.'),
      credentialsPerUser: quota(10_000).describe(
        'Separated credentials that one user may have; 0: no limit.',
      ),
      spacesPerUser: quota(1_000).describe('Spaces that one user may own; 0: no limit.'),
      idempotentBytesPerUser: quota(64 * 1024 * 1024).describe(
        'Bytes that the answers of one user to requests with `Idempotency-Key` may take, which are kept for a day; 0: no limit.',
      ),
    })
    .prefault({}),
  runners: z
    .union([z.literal('auto'), z.int().min(0)])
    .default('auto')
    .describe(
      '`auto`, or how many processes may work on sources at the same time. 0: none, so that a hostile source can end or hang the service; for debugging only.',
    ),
  limits: z
    .strictObject({
      runnerMemory: z
        .int()
        .min(128)
        .default(512)
        .describe(
          'Most memory, in megabytes, of one process that works on sources for one user. One that takes more is ended, and its uses fail with 424 `SOURCE-CRASHED`.',
        ),
      runnersMemory: z
        .int()
        .min(0)
        .default(0)
        .describe(
          'Most memory, in megabytes, of all of them together; 0: half of what the machine or the container has, and 1024 at the least.',
        ),
      signInMinutes: z
        .number()
        .positive()
        .default(10)
        .describe('How long an interactive sign-in stays open.'),
      requestSeconds: z
        .number()
        .min(1)
        .default(60)
        .describe(
          'Longest time in which a request must have arrived whole, and its headers in a third of it.',
        ),
      testSeconds: z.number().positive().default(15).describe('Time limit of a connection test.'),
      readRows: z.int().min(0).default(0).describe('Most rows of one read; 0: no limit.'),
      readBytes: z.int().min(0).default(0).describe('Most bytes of one read; 0: no limit.'),
      readSeconds: z.number().min(0).default(3600).describe('Longest read in seconds; 0: no limit.'),
      idleSeconds: z
        .number()
        .positive()
        .default(30)
        .describe('Longest silence of a source or a reader in seconds.'),
      usesPerSource: z
        .int()
        .min(1)
        .default(64)
        .describe(
          'Uses of one source (one destination of one tenant) at the same time, in one process; half of them for one user. Others wait.',
        ),
      usesPerTenant: z
        .int()
        .min(1)
        .default(256)
        .describe(
          'Uses of one tenant at the same time, in one process; half of them for one user. Others wait.',
        ),
      waitSeconds: z
        .number()
        .positive()
        .default(50)
        .describe(
          'Longest wait of a use for its turn, then 503 `BUSY`. Proxies often give up after 60 seconds.',
        ),
      pauseAfter: z
        .int()
        .min(1)
        .default(5)
        .describe(
          'How many uses in a row must fail to reach a source until it is left alone (503 `SOURCE-PAUSED`).',
        ),
      pauseSeconds: z
        .number()
        .positive()
        .default(10)
        .describe('How long a source is left alone; then one use tries it again.'),
      undoHours: z
        .number()
        .positive()
        .default(24)
        .describe('How long a bulk change of secrets can be undone; then the former secrets are destroyed.'),
      refusedSignIns: z
        .int()
        .min(1)
        .default(1)
        .describe(
          'How often a rehearsal lets one source refuse one login before it stops trying it there. Keep it under the lock-out limit of your sources.',
        ),
      wrapsPerKey: z
        .int()
        .min(1_000)
        .max(2 ** 32)
        .default(2 ** 32)
        .describe(
          'Data keys that one key of the vault may wrap. At half of it the log warns, at three quarters the key is rotated, and past it nothing more is sealed.',
        ),
      auditDays: z.int().min(1).default(90).describe('How long the record of what happened is kept.'),
      useDays: z
        .int()
        .min(1)
        .max(36_500)
        .default(400)
        .describe(
          'How long the record of uses is kept, in days; at least, since it ends at a signed checkpoint.',
        ),
    })
    .prefault({}),
});
