import { describe, expect, it } from 'vitest';
import { createBatchPacer } from './batches.js';

const MEBIBYTE = 1_048_576;

describe('batch sizes', () => {
  it('grow from few rows to what was asked for, while rows are narrow', () => {
    const pacer = createBatchPacer();
    const sizes = Array.from({ length: 6 }, () => {
      const rows = pacer.next(5_000);
      for (let row = 0; row < rows; row += 1) {
        pacer.received(100, 1);
        pacer.row();
      }
      return rows;
    });
    expect(sizes).toEqual([16, 64, 256, 1_024, 4_096, 5_000]);
  });

  it('shrink to one row where rows are wide', () => {
    const pacer = createBatchPacer();
    pacer.next(5_000);
    for (let row = 0; row < 16; row += 1) {
      pacer.received(5 * MEBIBYTE, 1);
      pacer.row();
    }
    expect(pacer.next(5_000)).toBe(1);
  });

  it('D15: refuse one giant row, and a batch that outgrows memory', () => {
    const giant = createBatchPacer();
    giant.next(10);
    expect(() => giant.received(33 * MEBIBYTE, 1)).toThrowError('too large');
    const many = createBatchPacer();
    many.next(10);
    const fill = () => {
      for (let row = 0; row < 100; row += 1) {
        many.received(20 * MEBIBYTE, 1);
        many.row();
      }
    };
    expect(fill).toThrowError('too large');
  });
});
