import { describeSource } from '../../suite/describe-source.js';
import { harness } from './harness.js';
import { source } from './source.js';

describeSource(source, harness);

// FILL IN: tests of what only this source does: its errors by code, its limits, a server that answers with hostile bytes.
