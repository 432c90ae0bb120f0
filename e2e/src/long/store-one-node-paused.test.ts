import { describeTwentyOutages } from './twenty-outages.js';

describeTwentyOutages('one node paused');
