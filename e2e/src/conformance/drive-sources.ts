import type newer from '@qlik/api/connectivity/data-sources';
import type older from '@qlik/api/data-sources';
import type dcaasFunctions from '@qlik/api/dcaas';
import { expect } from 'vitest';
import type { Run } from './run.js';

async function driveDataSources(sources: typeof older | typeof newer): Promise<void> {
  const all = await sources.getDataSources({ includeui: true, detail: true, includeDisabled: true });
  expect(all.data.dataSources.length).toBeGreaterThan(0);
  for (const { dataSourceId } of all.data.dataSources) await sources.getDataSourceApiSpecs(dataSourceId);
  const { data } = await sources.getDataSourceGateways('postgres', { forceRefresh: true });
  expect(data.gateways).toEqual([]);
  expect((await sources.putDataSourceSettings('mysql', { disabled: true })).data.disabled).toBe(true);
  expect((await sources.getDataSourceSettings('mysql')).data.disabled).toBe(true);
  const enabled = await sources.getDataSources({});
  expect(enabled.data.dataSources.map((one) => one.dataSourceId)).not.toContain('mysql');
  await sources.putDataSourceSettings('mysql', { disabled: false });
}

/** Data sources, api-specs, gateways and settings below both paths; endpoints and QRIs below /api/connectivity. */
export async function driveSources(run: Run): Promise<void> {
  await driveDataSources(run.driven<typeof older>('data-sources'));
  const sources = run.driven<typeof newer>('connectivity/data-sources');
  await driveDataSources(sources);
  const { data } = await sources.getDataSourceEndpoints();
  expect(data.endpoints?.length).toBeGreaterThan(0);
  const connectionString = 'driver=postgres;host=db.example.com;db=sales;';
  const endpoint = await sources.filterDataSourceEndpoints({ connectionString });
  expect(endpoint.data.connection?.qri).toMatch(/^qri:db:postgres:/);
  await sources.filterDataSourceEndpoints({ dataSourceId: 'rest' });
  const item = {
    connection: connectionString,
    connectionType: 'properties',
    dataSourceId: 'postgres',
  } as const;
  const wrong = { ...item, dataSourceId: 'nothing', requestId: 'wrong' };
  const qris = await sources.generateQriDataSources({ data: [item, wrong], rawValues: false });
  expect(qris.data.data.map((one) => one.status?.code)).toEqual([200, 404]);
}

/** Creates with properties and begins a sign-in, gets what was created, reads api-specs. */
export async function driveDcaas(run: Run): Promise<void> {
  const dcaas = run.driven<typeof dcaasFunctions>('dcaas');
  const created = await dcaas.dataConnectionsDcaas({
    dataSourceId: 'postgres',
    connectionName: 'made by dcaas',
    tags: ['conformance'],
    connectionProperties: {
      host: 'db.example.com',
      db: 'sales',
      username: 'reader',
      password: 'canary-conformance',
    },
  });
  if ('authUrl' in created.data) throw new Error('A sign-in, not a connection');
  const got = await dcaas.dataConnectionsDcaa(created.data.connectionId);
  expect(got.data.connectionName).toBe('made by dcaas');
  await dcaas.dataConnectionsDcaasApiSpecs({ dataSourceId: 'postgres' });
  const begun = await dcaas.dataConnectionsDcaas({
    dataSourceId: 'rest',
    connectionName: 'begun by dcaas',
    authUrlOnly: true,
    connectionProperties: {
      url: 'https://api.example.com/',
      authSchema: 'oauth2',
      authorizationUrl: 'https://login.example.com/auth',
      tokenUrl: 'https://login.example.com/token',
      clientId: 'client',
    },
  });
  expect(begun.data).toHaveProperty('authUrl');
}
