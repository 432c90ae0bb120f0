import { testSeed } from '@mooring/lab/seeded';
import fc from 'fast-check';
import { vi } from 'vitest';
import { forgetAllSecrets } from './secret-scan.js';

// Runs before each test file; files of one worker share its modules.

forgetAllSecrets();
vi.unstubAllEnvs();
fc.configureGlobal({ seed: testSeed() });
