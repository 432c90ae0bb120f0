import { forgetAllSecrets } from './secret-scan.js';

// Runs before each test file of a worker that shares its modules among files.

forgetAllSecrets();
