import {
  approveApiKey,
  createApiKey,
  deleteApiKey,
  getApiKey,
  getApiKeysConfig,
  listApiKeys,
  patchApiKey,
  patchApiKeysConfig,
} from '@mooring/contract/routes/api-keys';
import { type BoundRoute, bind } from '../../http/handler.js';
import { approveKey } from './approve-key.js';
import { changeLimits, describeKey, listKeys, revokeKey, showLimits } from './key-operations.js';
import { type ApiKeysDependencies, findKey, presentKey } from './key-store.js';
import { isKeyStillThere, makeKey } from './make-key.js';

/** API keys. Their tokens are shown only once, when they are made. */
export function createApiKeysFeature(deps: ApiKeysDependencies): BoundRoute[] {
  return [
    bind(listApiKeys, listKeys(deps)),
    bind(createApiKey, makeKey(deps), isKeyStillThere(deps)),
    bind(getApiKey, async ({ params }, { caller }) => ({
      status: 200,
      body: presentKey(await findKey(deps.store, caller, params.id), deps.now()),
    })),
    bind(approveApiKey, approveKey(deps)),
    bind(patchApiKey, describeKey(deps)),
    bind(deleteApiKey, revokeKey(deps)),
    bind(getApiKeysConfig, showLimits(deps)),
    bind(patchApiKeysConfig, changeLimits(deps)),
  ];
}
