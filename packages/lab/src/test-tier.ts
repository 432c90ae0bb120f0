/** Returns the count for the current tier: `npm run test:long` sets TEST_TIER=long. */
export const full = (long: number, quick: number): number =>
  process.env['TEST_TIER'] === 'long' ? long : quick;
