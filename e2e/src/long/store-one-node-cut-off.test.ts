import { describeTwentyOutages } from './twenty-outages.js';

describeTwentyOutages('one node cut off');
