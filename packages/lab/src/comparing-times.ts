/**
 * For tests that compare times (`it(name, comparingTimes, …)`): once more with a fresh baseline before the verdict, as the
 * machine may have been busy with something else for one of the two.
 */
export const comparingTimes = { retry: 1 } as const;
