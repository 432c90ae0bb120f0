import { request as httpRequest } from 'node:http';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { expect } from 'vitest';
import { createGate, type Gate, type GateOptions } from '../gate.js';
import { createPolicy, type EgressSettings } from '../policy.js';
import { failureOf, rejectionOf } from './canary.js';

export type Settings = Partial<EgressSettings> & Omit<GateOptions, 'policy'>;

/** A gate that denies loopback by default. */
export function buildGate({ allow = [], loopback = 'deny', ...options }: Settings = {}): Gate {
  return createGate({ policy: createPolicy({ allow, loopback, isOfThisMachine: false }), ...options });
}

/** Asks for one host through each of the doors; the error of each. */
export async function knock(gate: Gate, host: string, port: number): Promise<Error[]> {
  const { http, https } = gate.agents();
  const urlHost = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const throughAgent = (agent: typeof http) =>
    new Promise<Error>((resolve, reject) => {
      const protocol = agent === https ? 'https:' : 'http:';
      const request = httpRequest({ host, port, agent, protocol, headers: { host: 'any.example.test' } });
      request
        .on('error', resolve)
        .on('response', () => reject(new Error('It answered.')))
        .end();
    });
  return Promise.all([
    failureOf(gate.socket({ host, port })),
    rejectionOf(gate.dial({ host, port })),
    rejectionOf(gate.dial({ host, port }, { tls: {} })),
    throughAgent(http),
    throughAgent(https),
    rejectionOf(gate.fetch(`http://${urlHost}:${port}/`)),
    rejectionOf(gate.fetch(`https://${urlHost}:${port}/`)),
  ]);
}

/** Every one is the same refusal, down to the last field. */
export function assertRefused(errors: readonly Error[]): void {
  for (const error of errors) {
    expect(error).toBeInstanceOf(ConnectorError);
    expect({ ...error, message: error.message }).toEqual({
      name: 'ConnectorError',
      kind: 'egress_refused',
      message: "The server's network policy does not allow this destination.",
      remedy: expect.stringContaining('MOORING_EGRESS_ALLOW'),
      nativeCode: undefined,
      isRetryable: false,
      retryAfterSeconds: undefined,
    });
    expect(error.cause).toBeUndefined();
  }
}
