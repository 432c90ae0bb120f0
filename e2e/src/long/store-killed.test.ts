import { describeTwentyOutages } from './twenty-outages.js';

describeTwentyOutages('killed');
