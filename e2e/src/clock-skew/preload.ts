// Loaded into a process before anything else (`node --import`): its wall clock is as far off as a file says, in
// milliseconds, from the moment the file says so. Timers and the monotonic clock go on as they are.
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
