import { describeTwentyOutages } from './twenty-outages.js';

describeTwentyOutages('silent');
