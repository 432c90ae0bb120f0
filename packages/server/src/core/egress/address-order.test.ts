import { describe, expect, it } from 'vitest';
import { createAddressOrder } from './address-order.js';

describe('address order', () => {
  it('puts addresses that recently failed on this port last, until they answer or a minute has passed', () => {
    let time = 0;
    const addresses = createAddressOrder(() => time);
    const order = (port = 1) => addresses.order(['a', 'b', 'c'], port).join('');
    expect(order()).toBe('abc');
    addresses.report('a', 1, false);
    expect(order()).toBe('bca');
    expect(order(2)).toBe('abc');
    addresses.report('b', 1, false);
    expect(order()).toBe('cab');
    addresses.report('a', 1, true);
    expect(order()).toBe('acb');
    time = 60_000;
    expect(order()).toBe('abc');
  });

  it('forgets the oldest failures first and stays bounded', () => {
    const addresses = createAddressOrder(() => 0);
    for (let index = 0; index < 1_001; index += 1) addresses.report(`address-${index}`, 1, false);
    expect(addresses.order(['address-1', 'address-0'], 1)).toEqual(['address-0', 'address-1']);
  });
});
