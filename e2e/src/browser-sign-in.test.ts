import { mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { addUser, type TestUser } from '@mooring/server/testing/api-client';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './chromium.js';
import { type SignInLab, startSignInLab } from './sign-in-lab.js';

// Flow A5 as a user experiences it: a real browser, the keyboard only, the clipboard, and the second call.

const screenshots = path.join(tmpdir(), 'mooring-screenshots');

let lab: SignInLab;
let user: TestUser;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const requested: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true });
  [lab, browser] = await Promise.all([startSignInLab(), launchChromium()]);
  user = await addUser(lab.mooring.url, lab.mooring.adminKey, 'Alice Example');
});
afterAll(async () => {
  await browser.close();
  await lab.close();
});
beforeEach(async () => {
  requested.length = 0;
  complaints.length = 0;
  context = await browser.newContext({ viewport: { width: 900, height: 760 } });
  page = await context.newPage();
  context.on('request', (request) => requested.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
});
afterEach(() => context.close());

const bodyOf = (connectionName: string, authCode: string) => ({
  dataSourceId: 'gbq',
  connectionName,
  authUrlOnly: String(authCode === ''),
  connectionProperties: { OAuthMechanism: '1', Catalog: lab.bigquery.projectId, authCode },
});
const door = '/api/v1/dcaas/actions/data-connections';

async function shoot(name: string): Promise<void> {
  const file = path.join(screenshots, `${name}.png`);
  await page.screenshot({ path: file, fullPage: true });
  expect(statSync(file).size).toBeGreaterThan(1000);
}

/** Tab by tab to the button of this name, as a user without a mouse gets there. */
async function tabTo(name: string): Promise<void> {
  const button = page.getByRole('button', { name });
  for (let step = 0; step < 10; step += 1) {
    await page.keyboard.press('Tab');
    if (await button.evaluate((element) => element === element.ownerDocument.activeElement)) return;
  }
  expect.fail(`The button ${name} cannot be reached with the Tab key`);
}

/** From the authorization URL to the consent page, with the keyboard only. */
async function signIn(authUrl: string): Promise<void> {
  const [alice] = lab.authorizationServer.users;
  await page.goto(authUrl);
  await shoot('1-sign-in');
  await page.keyboard.type(alice.login);
  await page.keyboard.press('Tab');
  await page.keyboard.type(alice.password);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow' }).waitFor();
  await shoot('2-consent');
}

const codeShown = async () => String(await page.locator('#auth-code').textContent()).trim();

async function pasted(): Promise<string> {
  const editor = await context.newPage();
  await editor.setContent('<textarea autofocus aria-label="Paste here"></textarea>');
  await editor.getByLabel('Paste here').focus();
  await editor.keyboard.press('Control+V');
  const text = await editor.getByLabel('Paste here').inputValue();
  await editor.close();
  return text;
}

describe('signing in with a browser', () => {
  it('A5: with the keyboard only, the code is copied and makes a connection that reads under the grant', async () => {
    await context.grantPermissions(['clipboard-write'], { origin: lab.mooring.url });
    const begun = await user.api.post(door, bodyOf('Warehouse', ''));
    expect(begun.status).toBe(201);
    await signIn(begun.body.authUrl);
    await tabTo('Allow');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${lab.mooring.url}/oauth/callback/**`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await shoot('3-code');
    const text = await page.locator('main').textContent();
    expect(text).toContain('Alice Example');
    expect(text).toContain('Google BigQuery');
    expect(text).toContain('Warehouse');

    await tabTo('Copy code');
    await page.keyboard.press('Enter');
    await page.locator('#copy-status').filter({ hasText: /\S/ }).waitFor();
    await shoot('4-copied');
    const shown = await codeShown();
    const code = await pasted();
    expect(code).toBe(shown);
    expect(code).not.toBe(new URL(page.url()).searchParams.get('code'));

    const made = await user.api.post(door, bodyOf('Warehouse', code));
    expect(made.status).toBe(201);
    const preview = await user.api.post(
      `/api/v1/data-connections/${made.body.connectionId}/actions/preview`,
      { path: ['sales', 'orders'] },
    );
    expect([preview.status, preview.body.rows.length]).toEqual([200, 5]);
    const signedIn = await user.api.get(`/api/v1/sign-ins/${begun.body.signInId}`);
    expect(signedIn.body.state).toBe('completed');
    const ours = [lab.mooring.url, lab.authorizationServer.url];
    expect(requested.filter((url) => !ours.some((base) => url.startsWith(`${base}/`)))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('going back to the page after the code was used shows that it has ended, and no code', async () => {
    const begun = await user.api.post(door, bodyOf('Once', ''));
    await signIn(begun.body.authUrl);
    await tabTo('Allow');
    await page.keyboard.press('Enter');
    const code = await codeShown();
    await page.reload();
    const renewed = await codeShown();
    expect(renewed).not.toBe(code);
    expect((await user.api.post(door, bodyOf('Once', code))).status).toBe(400);
    expect((await user.api.post(door, bodyOf('Once', renewed))).status).toBe(201);
    await page.reload();
    await page.getByRole('heading', { name: 'This sign-in has ended already' }).waitFor();
    expect(await page.locator('#auth-code').count()).toBe(0);
    await shoot('5-used');
  });

  it('O14: a user who denies access lands on a page that says so, and nothing is stored', async () => {
    const begun = await user.api.post(door, bodyOf('Denied', ''));
    await signIn(begun.body.authUrl);
    await tabTo('Deny');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${lab.mooring.url}/oauth/callback/**`);
    await page.getByRole('heading', { name: 'The sign-in was not completed' }).waitFor();
    await shoot('6-denied');
    const after = await user.api.get(`/api/v1/sign-ins/${begun.body.signInId}`);
    expect(after.body).toMatchObject({ state: 'failed', error: 'access_denied' });
    const named = await user.api.get('/api/v1/data-connections/Denied?type=connectionname');
    expect(named.status).toBe(404);
  });

  it('signing in again takes one link and one click, and the refused call succeeds as it was', async () => {
    const begun = await user.api.post(door, bodyOf('Renewed', ''));
    await signIn(begun.body.authUrl);
    await tabTo('Allow');
    await page.keyboard.press('Enter');
    const made = await user.api.post(door, bodyOf('Renewed', await codeShown()));
    expect(made.status, made.text).toBe(201);
    const use = () =>
      user.api.post(`/api/v1/data-connections/${made.body.connectionId}/actions/preview`, {
        path: ['sales', 'orders'],
      });
    expect((await use()).status).toBe(200);
    lab.authorizationServer.revokeGrantsOf('alice');
    lab.authorizationServer.expireAccessTokens();
    const refused = await use();
    expect([refused.status, refused.body.errors[0].meta.reason]).toEqual([403, 'needs_sign_in']);
    const { authUrl, poll } = refused.body.errors[0].meta.signIn;

    // The provider's session is gone too, so its own pages come first.
    await signIn(authUrl);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'Renew your sign-in' }).waitFor();
    expect(await page.locator('main').textContent()).toContain('al…@lab.example');
    for (const [name, colorScheme, width] of [
      ['light', 'light', 900],
      ['dark', 'dark', 900],
      ['phone', 'light', 360],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 760 });
      await shoot(`7-renew-${name}`);
    }
    // The button has the focus: Enter is the one click.
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Signed in again' }).waitFor();
    await shoot('8-renewed');
    expect((await user.api.get(poll)).body.state).toBe('completed');
    const again = await use();
    expect([again.status, again.body.rows.length]).toEqual([200, 5]);
    expect(complaints).toEqual([]);
  });

  it('O06: the page names who began it, and another user cannot use its code', async () => {
    const mallory = await addUser(lab.mooring.url, lab.mooring.adminKey, 'Mallory');
    const begun = await user.api.post(door, bodyOf('Mine alone', ''));
    await signIn(begun.body.authUrl);
    await tabTo('Allow');
    await page.keyboard.press('Enter');
    const code = await codeShown();
    expect(await page.locator('main').textContent()).toContain('Alice Example');
    const before = lab.authorizationServer.counts().token;
    const stolen = await mallory.api.post(door, bodyOf('Stolen', code));
    expect([stolen.status, stolen.body.errors[0].code]).toEqual([400, 'SIGN-IN-INVALID']);
    expect(lab.authorizationServer.counts().token).toEqual(before);
    expect((await user.api.post(door, bodyOf('Mine alone', code))).status).toBe(201);
  });
});
