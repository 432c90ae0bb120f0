/** The count of the long tier, or of the quick one: `npm run test:long` sets TEST_TIER=long. */
export const full = (long: number, quick: number): number =>
  process.env['TEST_TIER'] === 'long' ? long : quick;
