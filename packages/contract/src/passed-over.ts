import type { PassedOver } from './route.js';

/** Unknown members and parameters are ignored: Qlik's clients send some. */
export const passedOver: PassedOver = {};

const noFilter = 'this list is not filtered by that';

/**
 * Of a list: parameters that look as if they filtered it, which would then be answered whole.
 * @param right what does that in this list, by the parameter
 */
export const passedOverInList = (
  right: Partial<Record<'ownerId' | 'owner' | 'name' | 'sub' | 'where', string>> = {},
): PassedOver => ({
  filters: { ownerId: noFilter, owner: noFilter, name: noFilter, sub: noFilter, where: noFilter, ...right },
});
