import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { createSwitches } from './authorization-server/faults.js';
import { namedAnswers } from './authorization-server/named-answers.js';
import type { LabAuthorizationServer } from './authorization-server.js';
import { type CannedAnswer, listenOnLoopback, readRequestBody } from './loopback-http.js';
import { sendJson } from './rest-resources.js';

/** The lab's switches over HTTP, for tests that run in another process and in any language. */
export interface LabControl {
  url: string;
  /** Bearer token for every call: a web page must not be able to change a switch. */
  token: string;
  close(): Promise<void>;
}

const cannedAnswer = z.strictObject({
  status: z.int().min(200).max(599),
  body: z.string(),
  contentType: z.string().exactOptional(),
  headers: z.record(z.string(), z.string()).exactOptional(),
});

const namedAnswer = z
  .enum(Object.keys(namedAnswers) as [keyof typeof namedAnswers])
  .transform((name): CannedAnswer => namedAnswers[name]);

const answer = z.union([namedAnswer, cannedAnswer], {
  error: `Give status and body, or one of these names: ${Object.keys(namedAnswers).join(', ')}`,
});

const tokenFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('answer'), answer, commit: z.boolean().exactOptional() }),
  z.strictObject({ kind: z.literal('drop'), commit: z.boolean().exactOptional() }),
]);

const minutesTenMs = 600_000;
const yearSeconds = 31_536_000;
const defaults = () => createSwitches();

/** Null resets a switch. */
const switchChanges = z
  .strictObject({
    tokenDelayMs: z.int().min(0).max(minutesTenMs).nullable(),
    tokenNext: z.array(tokenFault).nullable(),
    tokenAlways: tokenFault.nullable(),
    revocationAlways: answer.nullable(),
    authorizationResponse: z.record(z.string(), z.string().nullable()).nullable(),
    rotation: z.enum(['strict', 'lenient', 'off']).nullable(),
    clockSkewSeconds: z.int().min(-yearSeconds).max(yearSeconds).nullable(),
    sendOnTo: z
      .strictObject({
        authorizationEndpoint: z.url(),
        parameters: z.record(z.string(), z.string()).default({}),
      })
      .nullable(),
  })
  .partial();

const redirectUri = z.strictObject({ uri: z.url() });

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function readJson<Schema extends z.ZodType>(request: IncomingMessage, schema: Schema) {
  const text = (await readRequestBody(request)).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refused(400, 'The body must be JSON.');
  }
  const read = schema.safeParse(value);
  if (!read.success) throw new Refused(400, z.prettifyError(read.error));
  return read.data;
}

const stateOf = ({ switches, counts }: LabAuthorizationServer) => {
  const { tokenHold: _hold, tokenWatch: _watch, ...settable } = switches;
  return { switches: settable, counts: counts() };
};

type Action = (server: LabAuthorizationServer, request: IncomingMessage, rest: string) => Promise<void>;

const actions: Readonly<Record<string, Action>> = {
  'GET ': async () => {},
  'PATCH switches': async ({ switches }, request) => {
    const changes = await readJson(request, switchChanges);
    const reset = defaults();
    for (const [name, value] of Object.entries(changes)) {
      Object.assign(switches, { [name]: value ?? reset[name as keyof typeof reset] });
    }
  },
  'DELETE switches': async ({ switches }) => {
    Object.assign(switches, defaults());
  },
  'DELETE counts': async (server) => server.resetCounts(),
  'DELETE access-tokens': async (server) => server.expireAccessTokens(),
  'DELETE grants': async (server, _, login) => {
    if (!server.users.some((user) => user.login === login)) {
      throw new Refused(404, `There is no "${login}" here, only ${server.users.map((one) => one.login)}.`);
    }
    server.revokeGrantsOf(login);
  },
  'POST redirect-uris': async (server, request) => {
    server.addRedirectUri((await readJson(request, redirectUri)).uri);
  },
};

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refused(400, 'The path is not percent-encoded UTF-8.');
  }
}

function isAllowed({ authorization = '' }: IncomingMessage['headers'], token: string): boolean {
  const [given, expected] = [Buffer.from(authorization), Buffer.from(`Bearer ${token}`)];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Serves the switches of each server on 127.0.0.1, below its name. Every answer is the state after the call.
 *
 * - `GET /<name>`: switches and counts of calls
 * - `PATCH /<name>/switches`: sets the named switches; null resets one; an answer is an object or a name
 * - `DELETE /<name>/switches | counts | access-tokens | grants/<login>`: resets, or revokes as a provider does
 * - `POST /<name>/redirect-uris` with `uri`: adds an allowed redirect URI
 */
export async function startControl(
  servers: Readonly<Record<string, LabAuthorizationServer>>,
): Promise<LabControl> {
  const token = randomBytes(24).toString('base64url');
  async function act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isAllowed(request.headers, token)) throw new Refused(401, 'Send the token of the control endpoint.');
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    const [, name = '', what = '', rest = ''] = decoded(path).split('/');
    const server = Object.hasOwn(servers, name) ? servers[name] : undefined;
    const key = `${request.method} ${what}`;
    const action = Object.hasOwn(actions, key) ? actions[key] : undefined;
    if (server === undefined || action === undefined) {
      throw new Refused(404, `Known are ${Object.keys(servers)} with ${Object.keys(actions)}.`);
    }
    await action(server, request, rest);
    sendJson(response, 200, stateOf(server));
  }
  const server = await listenOnLoopback(0, () => (request, response) => {
    act(request, response).catch((error: unknown) => {
      const status = error instanceof Refused ? error.status : 500;
      sendJson(response, status, { error: error instanceof Error ? error.message : String(error) });
    });
  });
  return { url: server.url, token, close: server.close };
}
