// The callback page in a real browser, served with its own headers.
import { existsSync } from 'node:fs';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { full } from '@mooring/lab/test-tier';
import { type CallbackView, renderCallbackPage } from '@mooring/server/web/features/sign-ins/callback-page';
import axe from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const isLong = full(1, 0) === 1;
const executablePath = '/usr/bin/chromium';
const quiet = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
];
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-sync', ...quiet];

const code = 'mst_9fK2LxQ7vBn3TgYw8RzPc5HdJm1SaUe4';
const codeView = (): CallbackView => ({
  kind: 'code',
  code,
  initiatorName: 'Alice Example',
  sourceName: 'REST API',
  connectionName: 'Orders',
  expiresAt: new Date(Date.now() + 600_000),
});
const views: Record<string, () => CallbackView> = {
  '/code': codeView,
  '/hostile': () => ({
    ...codeView(),
    initiatorName: '<img src=x onerror="document.title=1"><script>document.title=1</script>',
    connectionName: '\u202Egnp.exe '.repeat(40) + 'w'.repeat(300),
  }),
  '/renewal': () => ({ ...codeView(), renewal: { account: 'al…@lab.example', action: '/renewed' } }),
  '/done': () => ({
    kind: 'done',
    title: 'Signed in again',
    detail: 'The sign-in of al…@lab.example works again.',
    remedy: 'You can close this page.',
  }),
  '/problem': () => ({
    kind: 'problem',
    title: 'This sign-in has expired',
    detail: 'It was open for more than 10 minutes.',
    remedy: 'Go back to where you started and begin again.',
  }),
};

let server: LoopbackServer;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  if (!existsSync(executablePath)) {
    throw new Error(`The browser tests need ${executablePath}. Run: apt-get install -y chromium`);
  }
  server = await listenOnLoopback(0, (url) => (request, response) => {
    const view = views[request.url ?? ''];
    if (view === undefined) {
      response.setHeader('content-type', 'text/html');
      response.end(
        `<textarea autofocus></textarea>${request.url === '/frame' ? `<iframe src="${url}/code">` : ''}`,
      );
      return;
    }
    const page = renderCallbackPage(view());
    response.writeHead(200, page.headers).end(page.html);
  });
  browser = await chromium.launch({ executablePath, args });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});
afterEach(() => context?.close());

/** What the page asked for, what its policy refused, and what it complained about. */
interface Watch {
  page: Page;
  requests: string[];
  complaints: string[];
}

async function open(
  path: string,
  options: BrowserContextOptions = {},
  prepare?: (page: Page) => Promise<unknown>,
) {
  context = await browser.newContext(options);
  const page = await context.newPage();
  const watch: Watch = { page, requests: [], complaints: [] };
  page.on('request', (request) => watch.requests.push(request.url()));
  page.on('console', (message) => watch.complaints.push(message.text()));
  page.on('pageerror', (error) => watch.complaints.push(error.message));
  await prepare?.(page);
  await page.goto(`${server.url}${path}`);
  return watch;
}

/** Presses keys only, as a user without a pointer does. */
async function copyByKeyboard(page: Page): Promise<string | null> {
  await page.keyboard.press('Tab');
  expect(await page.evaluate('document.activeElement.id')).toBe('copy-code');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#copy-status:not(:empty)');
  return page.textContent('#copy-status');
}

async function paste(): Promise<string> {
  const elsewhere = await context.newPage();
  await elsewhere.goto(`${server.url}/elsewhere`);
  await elsewhere.focus('textarea');
  await elsewhere.keyboard.press('Control+V');
  return elsewhere.inputValue('textarea');
}

async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  return violations.map(
    ({ id, impact, nodes }) => `${impact}: ${id} at ${nodes.map(({ target }) => target)}`,
  );
}

describe('the callback page in a browser', () => {
  it.each(
    (['light', 'dark'] as const)
      .flatMap((colorScheme) =>
        Object.keys(views).flatMap((path) => [1200, 360].map((width) => ({ colorScheme, path, width }))),
      )
      // In the quick tier each page in both colour schemes and in both widths, but not in each pair of them.
      .filter(({ colorScheme, width }) => isLong || (colorScheme === 'light') === (width === 360)),
  )('is accessible and fits: $path, $colorScheme, $width pixels', async ({ colorScheme, path, width }) => {
    const { page } = await open(path, { colorScheme, viewport: { width, height: 800 } });
    expect(await barriers(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  });

  it('A5: holds exactly the code in #auth-code', async () => {
    const { page } = await open('/code');
    expect(await page.textContent('#auth-code')).toBe(code);
    expect(await page.evaluate('document.querySelector("#auth-code").childNodes.length')).toBe(1);
  });

  it('copies by keyboard alone, says so, and keeps the focus', async () => {
    const { page } = await open('/code');
    expect(await copyByKeyboard(page)).toBe('Copied. You can paste it now.');
    expect(await page.isVisible('#copy-code .done')).toBe(true);
    expect(await page.isVisible('#copy-code .copy')).toBe(false);
    expect(await page.evaluate('document.activeElement.id')).toBe('copy-code');
    expect(await paste()).toBe(code);
  });

  it('copies where the browser offers no clipboard to scripts', async () => {
    const { page } = await open('/code', {}, (fresh) =>
      fresh.addInitScript('Object.defineProperty(navigator, "clipboard", { value: undefined })'),
    );
    expect(await copyByKeyboard(page)).toBe('Copied. You can paste it now.');
    expect(await paste()).toBe(code);
  });

  it('selects the code and tells the keys when it may not copy', async () => {
    const { page } = await open('/code', {}, (fresh) =>
      fresh.addInitScript(`
        Object.defineProperty(navigator, 'clipboard', { value: { writeText: () => Promise.reject(new Error()) } });
        Document.prototype.execCommand = () => false;
      `),
    );
    expect(await copyByKeyboard(page)).toContain('The code is selected. Press Ctrl+C');
    expect(await page.evaluate('getSelection().toString()')).toBe(code);
    await page.keyboard.press('Control+C');
    expect(await paste()).toBe(code);
  });

  it('can be read without scripts, with no button that does nothing', async () => {
    const { page } = await open('/code', { javaScriptEnabled: false });
    expect(await page.isVisible('#auth-code')).toBe(true);
    expect(await page.isVisible('#copy-code')).toBe(false);
    expect(await page.textContent('#expiry')).toMatch(/^\d\d:\d\d UTC$/);
  });

  it('tells when the code has expired', async () => {
    const { page } = await open('/code', {}, (fresh) => fresh.clock.install());
    expect(await page.textContent('#expiry')).toContain('10 minutes left');
    await page.clock.runFor(570_000);
    expect(await page.textContent('#expiry')).toContain('under a minute left');
    await page.clock.runFor(60_000);
    expect(await page.textContent('#copy-status')).toContain('This code has expired.');
    expect(await page.isDisabled('#copy-code')).toBe(true);
  });

  it('O35: asks for nothing but itself, and breaks no rule of its policy', async () => {
    for (const path of Object.keys(views)) {
      const { page, requests, complaints } = await open(path);
      if (path === '/code' || path === '/hostile') await copyByKeyboard(page);
      expect(requests).toEqual([`${server.url}${path}`]);
      expect(complaints).toEqual([]);
      await context.close();
    }
  });

  it('O14, W01: shows what others wrote as text, and runs none of it', async () => {
    const { page } = await open('/hostile');
    expect(await page.title()).toBe('Copy your code to finish · Mooring');
    expect(await page.locator('img, main script').count()).toBe(0);
    expect(await page.textContent('h2')).toContain("<img src=x onerror='document.title=1'>");
  });

  it('O36: cannot be framed, not even by this server', async () => {
    const { page } = await open('/frame');
    const frame = page.frames().find((each) => each !== page.mainFrame());
    await frame?.waitForLoadState();
    expect(frame?.url()).toBe('chrome-error://chromewebdata/');
    expect(await frame?.locator('#auth-code').count()).toBe(0);
  });
});
