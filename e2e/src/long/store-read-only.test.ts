import { describeTwentyOutages } from './twenty-outages.js';

describeTwentyOutages('read-only');
