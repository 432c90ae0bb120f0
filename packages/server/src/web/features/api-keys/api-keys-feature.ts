import type { BoundRoute } from '../../http/handler.js';
import {
  approveKey,
  changeLimits,
  describeKey,
  listKeys,
  revokeKey,
  showKey,
  showLimits,
} from './key-operations.js';
import type { ApiKeysDependencies } from './key-store.js';
import { makeKey } from './make-key.js';

/** API keys. Their tokens are shown only once, when they are made. */
export const createApiKeysFeature = (deps: ApiKeysDependencies): BoundRoute[] =>
  [listKeys, makeKey, showKey, approveKey, describeKey, revokeKey, showLimits, changeLimits].map(
    (operation) => operation(deps),
  );
