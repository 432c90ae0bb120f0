import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from './chromium.js';
import { type MooringProcess, startMooring } from './mooring-process.js';

describe('the set-up page', () => {
  let mooring: MooringProcess;
  let admin: ApiClient;
  let browser: Browser;

  beforeAll(async () => {
    mooring = await startMooring();
    admin = apiClient(mooring.url, mooring.adminKey);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await mooring?.stop();
  });

  const invite = async (body: object) => (await admin.post('/api/v1/invitations', body)).body;

  async function open(url: string, choice: { colorScheme?: 'light' | 'dark'; width?: number } = {}) {
    const context = await browser.newContext({
      colorScheme: choice.colorScheme ?? 'light',
      viewport: { width: choice.width ?? 900, height: 720 },
    });
    const page = await context.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requests.push(`${request.method()} ${request.url()}`));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(url);
    return { page, requests, complaints, close: () => context.close() };
  }

  async function violations(page: Page): Promise<string[]> {
    // Past the page's own policy, which is strict.
    const session = await page.context().newCDPSession(page);
    await session.send('Runtime.evaluate', { expression: axe.source });
    const { result } = await session.send('Runtime.evaluate', {
      expression:
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }).then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => id + ' ' + nodes[0].html)))",
      awaitPromise: true,
    });
    return JSON.parse(String(result.value)) as string[];
  }

  const shoot = async (page: Page, name: string) => {
    const folder = process.env['MOORING_SCREENSHOTS'];
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  };

  it('redeems an invitation with the keyboard alone, shows the key once, and asks for nothing else', async () => {
    const { url, token, userId } = await invite({ name: '<b>Ann</b> \u05D0' });
    const { page, requests, complaints, close } = await open(url);
    expect(page.url(), 'the invitation is out of the address').toBe(`${mooring.url}/console/setup`);
    expect(await violations(page)).toEqual([]);
    await shoot(page, 'ask');
    expect(await page.evaluate('document.activeElement.id')).toBe('description');
    await page.keyboard.type('laptop of Ann');
    await page.keyboard.press('Enter');
    await page.locator('#token').waitFor();
    const key = await page.locator('#token').innerText();
    expect(await page.title()).toContain('Your API key');
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
    expect(await page.locator('#user').innerText()).toBe('<b>Ann</b> \u05D0');
    expect(await page.locator('#approval').isVisible()).toBe(false);
    expect(await page.locator('#others').isVisible()).toBe(false);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.id')).toBe('token');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('#copied').innerText()).toMatch(/Copied|selected/);
    expect(await violations(page)).toEqual([]);
    await shoot(page, 'key');
    const api = apiClient(mooring.url, key);
    expect((await api.get('/api/v1/users/me')).body.id).toBe(userId);
    expect((await api.get('/api/v1/api-keys')).body.data[0].description).toContain('laptop of Ann');
    expect(requests).toEqual([
      `GET ${mooring.url}/console/setup`,
      `POST ${mooring.url}/api/v1/invitations/actions/redeem`,
    ]);
    expect(complaints).toEqual([]);

    await page.reload();
    expect(await page.content()).not.toContain(key);
    expect(await page.locator('h1:visible').innerText()).toBe('This link is incomplete');
    await close();

    const again = await open(url, { colorScheme: 'dark', width: 360 });
    await again.page.locator('#make').click();
    await again.page.locator('#problem').waitFor();
    expect(await again.page.locator('#problem').innerText()).toContain('If that was not you');
    expect(await violations(again.page)).toEqual([]);
    await shoot(again.page, 'used-dark-phone');
    expect(mooring.logText()).not.toContain(token);
    await again.close();
  });

  it('tells an existing user the reach of the key, and lists other keys', async () => {
    const first = await invite({ name: 'Bea' });
    await apiClient(mooring.url, undefined).post('/api/v1/invitations/actions/redeem', {
      token: first.token,
    });
    const { url } = await invite({ userId: first.userId });
    const { page, complaints, close } = await open(url, { colorScheme: 'dark' });
    await page.locator('#make').click();
    await page.locator('#token').waitFor();
    expect(await page.locator('#approve').innerText()).toMatch(
      /^POST \/api\/v1\/api-keys\/[\w-]+\/actions\/approve$/,
    );
    expect(await page.locator('#others').innerText()).toContain('1 other key');
    expect(await violations(page)).toEqual([]);
    await shoot(page, 'before-dark');
    expect(complaints).toEqual([]);
    await close();
  });
});
