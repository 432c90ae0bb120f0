import { errorTable } from '@mooring/contract/errors';
import type { Answer } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';

const known: Readonly<Record<string, { status: number; title: string }>> = errorTable;
const inside =
  /node_modules|\bat \S+ \(|\.[jt]s:\d+|node:internal|sqlite|sql_|SELECT\s.+\sFROM|zod|TypeError|RangeError|Cannot read|undefined/i;

/** Exactly the contract's error shape, with codes of the error table and no internal text. */
export function assertErrorShape({ status, body, text }: Pick<Answer, 'status' | 'body' | 'text'>): void {
  if (status === 429 && body.errors[0]?.code === 'HTTP-429') {
    // The contract fixes this answer literally: without a status and a trace id.
    const { title } = errorTable['HTTP-429'];
    const detail = expect.stringMatching(/^You need to wait \d+ seconds until limit is lifted\.$/);
    expect(body).toEqual({ errors: [{ code: 'HTTP-429', title, detail }] });
    return;
  }
  // The token endpoint also has the members of RFC 6749, section 5.2.
  const { error: _error, error_description: _description, ...contract } = body;
  expect(Object.keys(contract).toSorted(), text).toEqual(['errors', 'traceId']);
  expect(body.traceId, text).toMatch(/^[\w-]{8,}$/);
  expect(body.errors.length, text).toBeGreaterThan(0);
  for (const error of body.errors) {
    const { code, title, detail, status: itemStatus, meta, ...rest } = error;
    expect(rest, text).toEqual({});
    expect({ title, status: itemStatus }, text).toEqual({
      title: known[code]?.title,
      status: known[code]?.status,
    });
    expect(itemStatus, text).toBe(status);
    if (detail !== undefined) expect(detail, text).toEqual(expect.any(String));
    if (meta !== undefined) expect(meta, text).toEqual(expect.any(Object));
    expect(String(detail ?? '')).not.toMatch(inside);
  }
}
