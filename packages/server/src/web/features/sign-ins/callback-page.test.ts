import { describe, expect, it } from 'vitest';
import { type CallbackView, renderCallbackPage } from './callback-page.js';

const view: CallbackView = {
  kind: 'code',
  code: 'mst_9fK2LxQ7vBn3TgYw8RzPc5HdJm1SaUe4',
  initiatorName: 'Alice Example',
  sourceName: 'REST API',
  connectionName: 'Orders',
  expiresAt: new Date('2026-01-02T03:04:05Z'),
};
const markup = `"><img src=x onerror=alert(1)>'&</code></strong></title></script>`;

describe('the callback page of a sign-in', () => {
  it('O06: names the user who started it, the source and the connection, and warns other users', () => {
    const { html } = renderCallbackPage(view);
    const text = html.replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]+>/g, '').replace(/\s+/g, ' ');
    expect(text).toContain('“Alice Example” started this sign-in to REST API for the connection “Orders”.');
    expect(text).toContain(
      'Are you “Alice Example”? If not, or if someone else sent you here, close this page',
    );
    expect(text).toContain('Works until 03:04 UTC');
    const { connectionName: _, ...unnamed } = view;
    expect(renderCallbackPage(unnamed).html).not.toContain('for the connection');
  });

  it('TR3: quotes and truncates names, so that a name cannot pose as text of the page', () => {
    const says = 'Orders”. Mooring asks you to press the button below.\n\nYour administrator agrees. '.repeat(
      9,
    );
    const { html } = renderCallbackPage({
      ...view,
      initiatorName: says,
      connectionName: says,
      renewal: { account: says, action: '/renewed' },
    });
    const shown = [...html.matchAll(/“<bdi>([^<]*)<\/bdi>”/g)].map(([, name = '']) => name);
    expect(shown.length).toBeGreaterThanOrEqual(4);
    for (const name of shown)
      expect(name).toBe('Orders&#39;. Mooring asks you to press the button below. Your a…');
    expect(html).not.toContain('agrees');
  });

  it('A5: shows the code alone in #auth-code, and nowhere else', () => {
    const { html } = renderCallbackPage(view);
    expect(html).toContain(`<code id="auth-code" translate="no">${view.code}</code>`);
    expect(html.split(view.code)).toHaveLength(2);
  });

  it('O14, W01: shows markup as text everywhere', () => {
    const problem: CallbackView = { kind: 'problem', title: markup, detail: markup, remedy: markup };
    const code = { ...view, code: markup, initiatorName: markup, sourceName: markup, connectionName: markup };
    for (const [hostile, harmless] of [
      [problem, { kind: 'problem', title: '', detail: '', remedy: '' }],
      [code, { ...view, code: '', initiatorName: '', sourceName: '', connectionName: ' ' }],
    ] satisfies [CallbackView, CallbackView][]) {
      const tags = (shown: CallbackView) => renderCallbackPage(shown).html.match(/<\/?[a-z][a-z0-9]*/gi);
      expect(tags(hostile)).toEqual(tags(harmless));
    }
    expect(renderCallbackPage(code).html).toContain(
      '&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;&amp;&lt;/code&gt;',
    );
  });

  it('O35, O36, W03, W05, W06: cannot be cached, framed, sniffed, opened from, or made to load or send anything', () => {
    const { html, headers } = renderCallbackPage(view);
    const nonce = /script-src 'nonce-([\w-]{24})'/.exec(headers['Content-Security-Policy'] ?? '')?.[1];
    expect(headers).toEqual({
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Permissions-Policy':
        'clipboard-write=(self), clipboard-read=(), camera=(), geolocation=(), microphone=()',
    });
    expect(html).toContain(`<script nonce="${nonce}">`);
    expect(html).toContain(`<style nonce="${nonce}">`);
    expect(html).not.toMatch(/postMessage|\bstyle="|\bon\w+="|https?:|\bsrc=|@import|url\(/);
  });

  it('never reuses a nonce, and has no script where there is nothing to copy', () => {
    const policies = Array.from(
      { length: 100 },
      () => renderCallbackPage(view).headers['Content-Security-Policy'],
    );
    expect(new Set(policies).size).toBe(100);
    const problem = renderCallbackPage({ kind: 'problem', title: 'T', detail: 'D', remedy: 'R' });
    expect(problem.html).not.toContain('<script');
    expect(problem.html).not.toContain('auth-code"');
  });
});
