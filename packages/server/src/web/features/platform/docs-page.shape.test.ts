import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { firstSteps } from './docs-page.js';

const readme = readFileSync(new URL('../../../../../../README.md', import.meta.url), 'utf8');

it('US8: the README shows the commands of /docs, which the package test runs', () => {
  for (const { command } of firstSteps('http://127.0.0.1:8080'))
    expect(readme).toContain(`\`\`\`sh\n${command}\n\`\`\``);
});
