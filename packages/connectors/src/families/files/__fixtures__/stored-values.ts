// Values as Parquet stores them, and how it says what they are.
import { memoryFile } from '../memory-file.js';
import { encodings, type Forged, page, repetitions } from '../parquet-forge.js';

export const [boolean, int32, int64, int96, float, double, byteArray, fixed] = [0, 1, 2, 3, 4, 5, 6, 7];
export const { required, repeated } = repetitions;

export const fileOf = (bytes: Buffer) => memoryFile('a.parquet', bytes);
export const plain = (values: number, ...body: Buffer[]) => ({
  pages: page({ values, encoding: encodings.plain }, Buffer.concat(body)),
});

export const i32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
export const i64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};
export const f64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};
export const blob = (value: Buffer | string) =>
  Buffer.concat([i32(Buffer.byteLength(value)), Buffer.from(value)]);

export const stamp = (unit: number, isUtc = true): Forged => ({ 10: { 8: { 1: isUtc, 2: { [unit]: {} } } } });
export const time = (unit: number): Forged => ({ 10: { 7: { 1: false, 2: { [unit]: {} } } } });
export const [millis, micros, nanos] = [1, 2, 3];
export const annotated = (converted: number, more: object = {}): Forged =>
  ({ 6: converted, ...more }) as Forged;
export const decimal = (precision: number, scale: number) => annotated(5, { 7: scale, 8: precision });
export const julian = (day: number, nanosOfDay: bigint) => Buffer.concat([i64(nanosOfDay), i32(day)]);
export const hex = (digits: string) => Buffer.from(digits, 'hex');
