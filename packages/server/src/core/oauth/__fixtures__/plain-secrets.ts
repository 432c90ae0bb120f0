import { revealedJson } from '@mooring/connectors/interface/secret';
import type { Plain } from '../../credentials/grants/hidden-grant.js';

/** For tests, which compare texts: two secrets look the same to `toEqual` whatever they hide. */
export const plain = <Value>(value: Value): Plain<Value> => JSON.parse(revealedJson(value)) as Plain<Value>;
