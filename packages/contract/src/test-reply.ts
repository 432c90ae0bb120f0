import { z } from 'zod';

export const stageSchema = z
  .object({
    name: z.string(),
    ok: z.boolean(),
    ms: z.number().optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    remedy: z.string().optional(),
  })
  .meta({ id: 'TestStage' });

const findingsSchema = z
  .object({
    server: z.object({ product: z.string(), version: z.string() }).optional(),
    account: z.string().optional().meta({ description: 'As whom the source sees the login' }),
    readOnly: z.enum(['enforced', 'login']).optional().meta({
      description: 'Whether the source refuses writes in our sessions, or only the rights of the login do',
    }),
    pooler: z.boolean().optional().meta({ description: 'A connection pool stands before the server' }),
    hostKey: z.object({ algorithm: z.string(), sha256: z.string() }).optional(),
    notes: z.array(z.object({ text: z.string(), remedy: z.string().optional() })).optional(),
  })
  .meta({ id: 'Findings', description: 'What the source says about itself' });

export const testReplySchema = z
  .object({ ok: z.boolean(), stages: z.array(stageSchema), findings: findingsSchema.optional() })
  .meta({ id: 'TestReply' });
