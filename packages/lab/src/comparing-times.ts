/**
 * For tests that compare times (`it(name, comparingTimes, …)`): one retry with a new baseline, because other load may have
 * affected one of the two measurements.
 */
export const comparingTimes = { retry: 1 } as const;
