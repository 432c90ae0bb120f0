import { describeSource } from '../../suite/describe-source.js';
import { harness } from './harness.js';
import { source } from './source.js';

describeSource(source, harness);
