import { signingKeySchema } from '@mooring/connectors/kit/private-key';
import { findProvider } from '@mooring/connectors/providers/registry';
import { manifests } from '@mooring/connectors/registry';
import { z } from 'zod';
import { isPlainLoopback } from '../egress/plain-loopback.js';

const urlSchema = z.url({ protocol: /^https?$/ }).describe('http or https URL');

export const oauthClientSchema = z.strictObject({
  clientId: z.string().min(1).describe('Client id from the provider.'),
  clientSecret: z
    .string()
    .min(1)
    .optional()
    .describe('Client secret; preferably as `env:NAME` or `file:PATH`.'),
  privateKey: signingKeySchema
    .optional()
    .describe(
      'Private key of the client as PEM, instead of a secret (`private_key_jwt`, RFC 7523); as `env:NAME` or `file:PATH`. The key type decides the algorithm.',
    ),
  keyId: z.string().min(1).optional().describe('`kid` of that key at the provider.'),
  loopbackRedirect: z
    .boolean()
    .optional()
    .describe(
      'The client is registered as a native app (RFC 8252): the command line may receive the redirect at `http://127.0.0.1:<any port>/callback`.',
    ),
  place: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Tenant, domain or account where the client is registered, for providers that have one. Connections that use the client must name the same.',
    ),
  origins: z
    .array(urlSchema)
    .optional()
    .describe(
      'Origins, for instance `https://api.example.com`, to which `rest` connections without their own client may send this client’s tokens. Default: none.',
    ),
  issuer: urlSchema
    .optional()
    .describe(
      'Overrides the provider’s issuer. Without the overrides below, its metadata names the endpoints.',
    ),
  authorizationEndpoint: urlSchema.optional().describe('Overrides the provider’s authorization endpoint.'),
  tokenEndpoint: urlSchema.optional().describe('Overrides the provider’s token endpoint.'),
  revocationEndpoint: urlSchema.optional().describe('Overrides the provider’s revocation endpoint.'),
  accountEndpoint: urlSchema
    .optional()
    .describe('Overrides the endpoint that returns who signed in, for providers that have one.'),
  deviceAuthorizationEndpoint: urlSchema
    .optional()
    .describe('Overrides the provider’s device authorization endpoint (RFC 8628).'),
  pushedAuthorizationRequestEndpoint: urlSchema
    .optional()
    .describe('Overrides the provider’s pushed authorization request endpoint (RFC 9126).'),
});

/** Tokens and signed requests are sent there. */
const keyServiceUrlSchema = urlSchema.refine(
  (url) => url.startsWith('https:') || isPlainLoopback(url),
  'must be https; http is allowed on this machine only',
);

export const transitSchema = z.strictObject({
  address: keyServiceUrlSchema.describe(
    'Address of HashiCorp Vault or OpenBao, for instance `https://vault.example:8200`.',
  ),
  mount: z.string().min(1).default('transit').describe('Mount path of the transit engine.'),
  key: z.string().min(1).describe('Name of the transit key that the master key was encrypted with.'),
  ciphertext: z
    .string()
    .regex(/^vault:v\d+:[A-Za-z0-9+/=]+$/, 'must be the answer of `transit/encrypt`: vault:v1:…')
    .describe('The encrypted master key, `vault:v1:…`.'),
  token: z.string().min(1).describe('Token that may decrypt with that key; as `env:NAME` or `file:PATH`.'),
  namespace: z.string().min(1).optional().describe('Namespace, if the service has namespaces.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe('PEM certificates to trust in addition to the system’s; as `file:PATH`.'),
});

export const awsKmsSchema = z.strictObject({
  region: z.string().min(1).describe('AWS region of the key.'),
  keyId: z.string().min(1).describe('Id or ARN of the KMS key that the master key was encrypted with.'),
  ciphertext: z.base64().min(1).describe('The encrypted master key: `CiphertextBlob` as base64.'),
  encryptionContext: z
    .record(z.string(), z.string())
    .default({ service: 'mooring' })
    .describe('Encryption context that the master key was encrypted with.'),
  endpoint: keyServiceUrlSchema.optional().describe('Endpoint, if not the one of the region.'),
  accessKeyId: z
    .string()
    .min(1)
    .optional()
    .describe('Access key id. Default: the environment variable `AWS_ACCESS_KEY_ID`.'),
  secretAccessKey: z
    .string()
    .min(1)
    .optional()
    .describe('Secret access key, as `env:NAME` or `file:PATH`. Default: `AWS_SECRET_ACCESS_KEY`.'),
  sessionToken: z
    .string()
    .min(1)
    .optional()
    .describe('Session token of temporary keys. Default: `AWS_SESSION_TOKEN`, unless keys are set here.'),
});

export type SourceSettings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Operator settings of each source, from its manifest; a misspelt name is refused. */
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

/** Schema of the configuration file. */
export const fileSchema = z.strictObject({
  publicUrl: urlSchema
    .optional()
    .describe('URL under which users reach this server; redirects and links are built from it.'),
  trustedProxies: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an address or a CIDR range'))
    .default([])
    .describe(
      'Addresses or CIDR ranges of the proxies in front of this server. For requests from one, `X-Forwarded-For` identifies the client for the rate limit of wrong keys. Requests of the proxies themselves do not count as requests of this machine.',
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
          'By space id: what connections of that space may reach in addition to `egress.allow`, in the same format.',
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
    .refine(({ transit, awsKms }) => !(transit && awsKms), 'must name one service, not two')
    .prefault({}),
  rateLimits: z
    .union([
      z.literal('off'),
      z.strictObject({ tier1PerMinute: z.int().min(1), tier2PerMinute: z.int().min(1) }),
    ])
    .default('off')
    .describe(
      "`off`, or requests per minute for each tier, per user over a window of five minutes. A tenant gets half of its users' limits together. Qlik's are `{tier1PerMinute: 1000, tier2PerMinute: 100}`.",
    ),
  quotas: z
    .strictObject({
      connectionsPerUser: quota(10_000).describe('Connections that one user may own; 0: no limit.'),
      connectionsPerSpace: quota(50_000).describe('Connections that one space may have; 0: no limit.'),
      credentialsPerUser: quota(10_000).describe(
        'Separated credentials that one user may have; 0: no limit.',
      ),
      spacesPerUser: quota(1_000).describe('Spaces that one user may own; 0: no limit.'),
      idempotentBytesPerUser: quota(64 * 1024 * 1024).describe(
        'Bytes of one user’s answers kept for `Idempotency-Key` (for a day); 0: no limit.',
      ),
    })
    .prefault({}),
  runners: z
    .union([z.literal('auto'), z.int().min(0)])
    .default('auto')
    .describe(
      '`auto`, or the most runner processes at the same time. 0: none, so that a hostile source can end or hang the server; for debugging only.',
    ),
  limits: z
    .strictObject({
      runnerMemory: z
        .int()
        .min(128)
        .default(512)
        .describe(
          'Memory limit of one runner, in megabytes. A runner that exceeds it is killed, and its uses fail with 424 `SOURCE-CRASHED`.',
        ),
      runnersMemory: z
        .int()
        .min(0)
        .default(0)
        .describe(
          'Memory limit of all runners together, in megabytes; 0: half of the memory of the machine or the container, and at least 1024.',
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
        .describe('Timeout for receiving a whole request; its headers must arrive in a third of it.'),
      testSeconds: z.number().positive().default(15).describe('Timeout of a connection test.'),
      readRows: z.int().min(0).default(0).describe('Most rows of one read; 0: no limit.'),
      readBytes: z.int().min(0).default(0).describe('Most bytes of one read; 0: no limit.'),
      readSeconds: z.number().min(0).default(3600).describe('Longest read in seconds; 0: no limit.'),
      idleSeconds: z
        .number()
        .positive()
        .default(30)
        .describe('Idle timeout of a source or a reader in seconds.'),
      usesPerSource: z
        .int()
        .min(1)
        .default(64)
        .describe(
          'Concurrent uses of one source (one destination of one tenant) in one process; one user gets half of them. Others wait.',
        ),
      usesPerTenant: z
        .int()
        .min(1)
        .default(256)
        .describe('Concurrent uses of one tenant in one process; one user gets half of them. Others wait.'),
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
          'Consecutive uses that fail to reach a source before the circuit breaker opens (503 `SOURCE-PAUSED`).',
        ),
      pauseSeconds: z
        .number()
        .positive()
        .default(10)
        .describe('How long the circuit breaker stays open; then one use tries the source again.'),
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
          'How often one source may refuse one login in a rehearsal before it stops trying it there. Keep it below the lock-out limit of your sources.',
        ),
      wrapsPerKey: z
        .int()
        .min(1_000)
        .max(2 ** 32)
        .default(2 ** 32)
        .describe(
          'Data keys that one vault key may wrap. At half of it the log warns, at three quarters the key is rotated, and beyond it nothing more is sealed.',
        ),
      auditDays: z.int().min(1).default(90).describe('How long audit events are kept.'),
      useDays: z
        .int()
        .min(1)
        .max(36_500)
        .default(400)
        .describe('How long the usage log is kept, in days, at least: it starts at a signed checkpoint.'),
    })
    .prefault({}),
});
