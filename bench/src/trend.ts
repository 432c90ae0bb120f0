export interface Trend {
  /** Least-squares slope: change of the value per unit of x. */
  slope: number;
  /** Half width of the slope's 95 % confidence interval; infinite with too few points. */
  margin: number;
  /** Mean of the values. */
  mean: number;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const sumOfProducts = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, value, index) => sum + value * (other[index] ?? Number.NaN), 0);

/** 97.5 % quantile of Student's t (Abramowitz and Stegun 26.7.5): right within 1 % from three degrees of freedom. */
function studentQuantile(degrees: number): number {
  return 1.959964 + 2.372272 / degrees + 2.822501 / degrees ** 2 + 2.555853 / degrees ** 3;
}

/**
 * Linear regression of equidistant measurements. Successive memory values are autocorrelated,
 * so that ten of them say less than ten independent ones; the margin uses the effective sample size
 * from the lag-1 autocorrelation (Santer et al. 2000, doi:10.1029/1999JD901105, section 3).
 * @throws RangeError for fewer than three points
 */
export function trendOf(x: readonly number[], y: readonly number[]): Trend {
  if (x.length < 3 || x.length !== y.length) throw new RangeError('a trend needs three points');
  const [meanX, meanY] = [mean(x), mean(y)];
  const [offX, offY] = [x.map((value) => value - meanX), y.map((value) => value - meanY)];
  const spread = sumOfProducts(offX, offX);
  const slope = sumOfProducts(offX, offY) / spread;
  const residuals = offY.map((value, index) => value - slope * (offX[index] ?? Number.NaN));
  const squares = sumOfProducts(residuals, residuals);
  const correlation = squares === 0 ? 0 : sumOfProducts(residuals.slice(1), residuals.slice(0, -1)) / squares;
  const likeness = Math.min(Math.max(correlation, 0), 1);
  const degrees = (x.length * (1 - likeness)) / (1 + likeness) - 2;
  const margin =
    degrees > 0 ? studentQuantile(degrees) * Math.sqrt(squares / degrees / spread) : Number.POSITIVE_INFINITY;
  return { slope, margin, mean: meanY };
}
