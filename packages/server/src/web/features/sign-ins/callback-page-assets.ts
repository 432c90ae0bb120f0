// Style and script of the callback page. They are inline, so the page loads nothing.

export const callbackStyle = `
:root {
  color-scheme: light dark;
  --page: #f3f5f8; --card: #ffffff; --line: #dde2ea; --text: #171b22; --muted: #545d6b;
  --well: #f3f5f8; --accent: #0f5fc2; --accent-strong: #0b4c9e; --on-accent: #ffffff; --done: #14713d;
  --note: #fff7e6; --note-line: #efd9a8; --note-text: #5a3d05; --shadow: 0 1px 2px #10182814, 0 12px 32px #1018281a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1015; --card: #161a21; --line: #2b323d; --text: #eef1f5; --muted: #a3adbb;
    --well: #0d1015; --accent: #7db7ff; --accent-strong: #a4cdff; --on-accent: #08203f; --done: #79d59b;
    --note: #2a2212; --note-line: #57451d; --note-text: #f3d999; --shadow: none;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; padding: 2.5rem 1rem; display: flex; flex-direction: column;
  align-items: center; justify-content: center; gap: 1.25rem; background: var(--page); color: var(--text);
  overflow-wrap: anywhere; -webkit-text-size-adjust: 100%;
}
header { display: flex; align-items: center; gap: .5rem; color: var(--muted); font-weight: 600; letter-spacing: .01em; }
main {
  width: 100%; max-width: 33rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1rem; box-shadow: var(--shadow);
}
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; text-wrap: balance; }
h2 { margin: 0 0 .25rem; font-size: 1rem; line-height: 1.4; }
p { margin: 0; }
strong { font-weight: 600; }
.lead { color: var(--muted); }
.lead strong { color: var(--text); }
.code { margin-top: 1.5rem; }
.head {
  display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; margin-bottom: .5rem; font-size: .875rem;
}
.label { font-weight: 600; }
.meta { color: var(--muted); }
#auth-code {
  display: block; padding: .875rem 1rem; background: var(--well); border: 1px solid var(--line); border-radius: .625rem;
  font: 500 1.0625rem/1.6 ui-monospace, SFMono-Regular, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
  text-align: center; word-break: break-all; user-select: all; -webkit-user-select: all;
}
button {
  display: flex; align-items: center; justify-content: center; width: 100%; min-height: 3rem; margin-top: .75rem;
  padding: .625rem 1rem; font: inherit; font-weight: 600; color: var(--on-accent);
  background: var(--accent); border: 1px solid transparent; border-radius: .625rem; cursor: pointer;
  transition: background-color .15s;
}
button:hover { background: var(--accent-strong); }
button:disabled { background: var(--well); color: var(--muted); border-color: var(--line); cursor: default; }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button .done { display: none; }
button[data-state="copied"] .copy { display: none; }
button[data-state="copied"] .done { display: inline-flex; }
button span { display: inline-flex; align-items: center; gap: .5rem; }
svg { flex: none; display: block; }
#copy-status {
  min-height: 1.5rem; margin: .5rem 0; font-size: .875rem; font-weight: 600; text-align: center; text-wrap: balance; color: var(--done);
}
#copy-status:not([data-state="copied"]) { color: var(--text); }
.note {
  padding: .875rem 1rem; background: var(--note); border: 1px solid var(--note-line);
  border-radius: .75rem; color: var(--note-text); font-size: .9375rem;
}
.note h2 { font-size: inherit; }
.remedy { margin-top: 1.5rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
.remedy p { color: var(--muted); }
.sign { margin-bottom: 1rem; color: var(--muted); }
.sign.done { color: var(--done); }
form { margin-top: 1.25rem; }
.fine { margin: .75rem 0 1.25rem; font-size: .875rem; color: var(--muted); }
details { margin-top: 1.25rem; }
summary { cursor: pointer; font-weight: 600; color: var(--muted); border-radius: .25rem; }
summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
details .code { margin-top: 1rem; }
@media (max-width: 32rem) {
  body { padding: 1.25rem .75rem; gap: 1rem; justify-content: flex-start; }
  main { padding: 1.375rem 1.125rem 1.25rem; }
  h1 { font-size: 1.375rem; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media (forced-colors: active) { button { border-color: ButtonText; } }
`;

export const callbackScript = `
(() => {
  'use strict';
  const code = document.getElementById('auth-code');
  const button = document.getElementById('copy-code');
  const status = document.getElementById('copy-status');
  const expiry = document.getElementById('expiry');
  if (!code || !button || !status || !expiry) return;

  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  const copySelected = () => {
    select();
    try { return document.execCommand('copy'); } catch { return false; }
  };
  const copied = async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      return copySelected();
    }
  };
  const say = (state, text) => {
    status.dataset.state = state;
    status.textContent = '';
    // Screen readers announce a change of text, also when the same text is set again.
    requestAnimationFrame(() => { status.textContent = text; });
  };
  let back;
  button.addEventListener('click', async () => {
    clearTimeout(back);
    if (await copied()) {
      button.dataset.state = 'copied';
      say('copied', 'Copied. You can paste it now.');
      back = setTimeout(() => { button.dataset.state = 'ready'; }, 4000);
    } else {
      select();
      say('manual', 'The code is selected. Press Ctrl+C to copy it, or \\u2318C on a Mac.');
    }
  });
  button.hidden = false;

  const endsAt = Date.parse(expiry.dateTime);
  const clock = new Date(endsAt).toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });
  const tick = () => {
    const minutes = Math.ceil((endsAt - Date.now()) / 60000);
    if (minutes > 0) {
      expiry.textContent = clock + (minutes === 1 ? ' (under a minute left)' : ' (' + minutes + ' minutes left)');
      setTimeout(tick, 5000);
      return;
    }
    expiry.textContent = clock;
    button.disabled = true;
    say('expired', 'This code has expired. Start the sign-in again to get a new one.');
  };
  tick();
})();
`;
