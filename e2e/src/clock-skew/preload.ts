// Preloaded (`node --import`): shifts the wall clock of the process by the milliseconds in a file, as soon as
// the file has them. Timers and the monotonic clock are unaffected.
import { readFileSync } from 'node:fs';

const file = process.env['CLOCK_SKEW_FILE'];
const RealDate = Date;
let skewMs = 0;

class SkewedDate extends RealDate {
  constructor(...given: [] | [number | string]) {
    if (given.length === 0) super(RealDate.now() + skewMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + skewMs;
  }
}

if (file !== undefined) {
  globalThis.Date = SkewedDate as unknown as DateConstructor;
  setInterval(() => {
    skewMs = Number(readFileSync(file, 'utf8'));
  }, 20).unref();
}
