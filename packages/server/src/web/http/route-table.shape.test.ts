import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { allRoutes } from '@mooring/contract/all-routes';
import { errorTable } from '@mooring/contract/errors';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../core/config/config.js';
import { migrate, openStore, type Store } from '../../core/store/store.js';
import { createVault } from '../../core/vault/envelope.js';
import { loadMasterKey } from '../../core/vault/keyring.js';
import { openKeyring } from '../../core/vault/open-keyring.js';
import { type App, createApp } from '../../start/app.js';

describe('the route table', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-routes-'));
  let store: Store;
  let app: App;

  beforeAll(async () => {
    const config = loadConfig({ data: folder }, {});
    store = openStore({ dataFolder: folder });
    await migrate(store);
    const keyring = await openKeyring(
      store,
      loadMasterKey({ source: 'file', path: path.join(folder, 'master.key'), mayCreate: true }, false),
      { wrapsMax: config.limits.wrapsPerKey },
    );
    app = await createApp({
      config,
      log: pino({ level: 'silent' }),
      store,
      vault: createVault(keyring),
      keyring,
      publicUrl: () => 'http://localhost',
      notReady: () => undefined,
      checks: async () => ({}),
    });
    await app.http.ready();
  });
  afterAll(async () => {
    await app.http.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('binds every route of the contract exactly once, and nothing else', () => {
    const bound = app.routes.map(({ route }) => route.id).toSorted();
    expect(bound).toEqual(allRoutes.map((route) => route.id).toSorted());
    expect(new Set(bound).size).toBe(bound.length);
  });

  it('US1: ignores unknown input only where Qlik or third parties define it', () => {
    const strict = allRoutes.filter(({ unknownInput }) => unknownInput === undefined).map(({ id }) => id);
    const added =
      /credential\/|\/credential$|actions\/(test|browse|describe|preview|read|resolve|confirm|approve|revoke)|invitations|data-credential-changes|-change$|actions\/change|sign-ins|data-uses|\/uses$|verify-uses|vault-keys|self-check|revocations|leave/;
    const ours = allRoutes.filter(
      ({ id, path: at, unknownInput }) =>
        added.test(at) || (/data-credentials$/.test(at) && id.length > 0 && !unknownInput),
    );
    expect(strict.toSorted()).toEqual(ours.map(({ id }) => id).toSorted());
  });

  it('serves each route at its path', () => {
    for (const { method, path: contractPath } of allRoutes) {
      const url = contractPath.replace(/\{(\w+)\}/g, ':$1');
      expect(app.http.hasRoute({ method, url }), contractPath).toBe(true);
    }
  });

  it('needs a caller for all operations but these', () => {
    const open = allRoutes.filter((route) => route.public).map(({ id }) => id);
    expect(open.toSorted()).toEqual([
      ...['connectivityGetDataSourceIcon', 'getCsrfToken', 'getDataSourceIcon', 'healthz', 'issueToken'],
      ...['metrics', 'openapi', 'productInfo', 'readyz', 'redeemInvitation', 'renewSignIn', 'setupPage'],
      'signInCallback',
    ]);
  });

  it.each(allRoutes.map((route) => [route.id, route] as const))(
    '%s states who may call it, its tier and its errors',
    (_id, route) => {
      expect(route.permission).not.toBe('');
      expect([1, 2, 'none']).toContain(route.tier);
      expect(route.summary).not.toBe('');
      for (const code of route.errors) expect(errorTable).toHaveProperty([code]);
      const named = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      expect(Object.keys(route.params?.shape ?? {}).toSorted()).toEqual(named.toSorted());
      expect(Object.keys(route.responses).length).toBeGreaterThan(0);
    },
  );

  it('pins the fields of answers that hold a secret, with the reason', () => {
    const secret: string[] = [];
    for (const route of allRoutes) {
      for (const response of Object.values(route.responses)) {
        if (response.schema instanceof z.ZodObject) {
          for (const [name, member] of Object.entries(response.schema.shape as Record<string, z.ZodType>)) {
            const meta =
              member.meta() ??
              (member instanceof z.ZodOptional ? (member.unwrap() as z.ZodType).meta() : undefined);
            if (meta?.['secret'] === true) secret.push(`${route.id}.${name}`);
          }
        }
      }
    }
    expect(secret).toEqual([
      // Must be shown once: only hashes of them are stored.
      'createApiKey.token',
      'createInvitation.token',
      'createInvitation.url',
      'createOAuthClient.clientSecret',
      'createOAuthClientSecret.clientSecret',
      // The purpose of the token endpoint.
      'issueToken.access_token',
    ]);
  });
});
