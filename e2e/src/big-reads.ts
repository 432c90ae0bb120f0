import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { LabPostgres } from '@mooring/lab/postgres';
import { apiClient } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';
import { type MooringOptions, type MooringProcess, startMooring } from './mooring-process.js';

// The built product with a connection to the lab's PostgreSQL, and reads of any size.

export async function withMooring(
  lab: LabPostgres,
  options: MooringOptions,
  work: (mooring: MooringProcess, connection: string) => Promise<void>,
): Promise<void> {
  const mooring = await startMooring(options);
  try {
    const { user: username, password } = lab.roles.reader;
    const made = await apiClient(mooring.url, mooring.adminKey).post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'lab',
      connectionProperties: {
        ...{ host: lab.host, port: lab.port, db: lab.database, sslmode: 'disable', username, password },
      },
    });
    expect(made.status, made.text).toBe(201);
    await work(mooring, `${mooring.url}/api/v1/data-connections/${made.body.qID}`);
  } finally {
    await mooring.stop();
  }
}

export function openRead(
  { adminKey }: MooringProcess,
  connection: string,
  query: string,
  accept = 'text/csv',
) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', accept };
    httpRequest(`${connection}/actions/read`, { method: 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(JSON.stringify({ query }));
  });
}

/** Reads to the end. @returns the bytes and the stream's trailer */
export async function drain(message: IncomingMessage): Promise<{ bytes: number; state: string | undefined }> {
  let bytes = 0;
  for await (const chunk of message) bytes += (chunk as Buffer).length;
  return { bytes, state: message.trailers['mooring-stream'] };
}

/** A statement that generates this many rows of a kilobyte while they are read. */
export const rows = (count: number) =>
  `SELECT n, repeat('x', 1000) AS text FROM (SELECT generate_series(1, ${count}) AS n) AS numbers`;
export const megabyte = 1_048_576;
