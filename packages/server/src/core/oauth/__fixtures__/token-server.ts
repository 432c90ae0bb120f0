import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { createGate, type Gate } from '../../egress/gate.js';
import { createPolicy } from '../../egress/policy.js';

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  form: URLSearchParams;
}

export type Behaviour = (response: ServerResponse, request: ReceivedRequest) => void;

/** A provider that answers whatever it is told to, and remembers what it was asked. */
export interface TokenServer extends AsyncDisposable {
  preset: OAuthPreset;
  url: string;
  received: ReceivedRequest[];
  behaviour: Behaviour;
}

export async function startTokenServer(behaviour: Behaviour): Promise<TokenServer> {
  const received: ReceivedRequest[] = [];
  const listening = await listenOnLoopback(0, () => async (request, response) => {
    const form = new URLSearchParams((await readRequestBody(request)).toString());
    const seen = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, form };
    received.push(seen);
    server.behaviour(response, seen);
  });
  const server: TokenServer = {
    url: listening.url,
    received,
    behaviour,
    preset: {
      authorizationEndpoint: `${listening.url}/auth`,
      tokenEndpoint: `${listening.url}/token`,
      revocationEndpoint: `${listening.url}/revoke`,
      scopes: ['read', 'write'],
      clientAuthentication: 'client_secret_post',
    },
    [Symbol.asyncDispose]: listening.close,
  };
  return server;
}

/** Answers JSON. */
export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Behaviour =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

/** The real gate, with loopback open or shut. */
export function gateOf(loopback: 'allow' | 'deny' = 'allow'): Gate {
  return createGate({ policy: createPolicy({ allow: [], loopback, isOfThisMachine: false }) });
}
