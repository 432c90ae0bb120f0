import { manifests } from '@mooring/connectors/registry';
import { createCatalogue } from '../../core/catalogue/catalogue.js';
import { createSourceSettings } from '../../core/catalogue/source-settings.js';
import { createGate } from '../../core/egress/gate.js';
import { createPolicy } from '../../core/egress/policy.js';
import type { Given } from './given.js';

export type SourceRooms = ReturnType<typeof sourceRooms>;

/** Which data sources there are, and where the network leads. */
export function sourceRooms({ config, log, store }: Given) {
  const { egress, isOfThisMachine } = config;
  const egressOf = (spaceId: string | null) => ({
    ...{ loopback: egress.loopback, isOfThisMachine },
    allow: [...egress.allow, ...(egress.spaces[spaceId ?? ''] ?? [])],
  });
  const inSpaces = Object.keys(egress.spaces).map(
    (spaceId) => [spaceId, createPolicy(egressOf(spaceId))] as const,
  );
  const gate = createGate({
    policy: createPolicy(egressOf(null)),
    inSpaces: new Map(inSpaces),
    onRefused: (refusal) => log.warn(refusal, 'egress refused'),
  });
  const sourceSettings = createSourceSettings(store);
  const catalogue = createCatalogue(manifests, sourceSettings, config.sources);
  return { egressOf, gate, sourceSettings, catalogue };
}
