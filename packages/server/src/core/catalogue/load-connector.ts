import type { Connector } from '@mooring/connectors/interface/connector';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';

/** The connector of a source, with its driver. @throws ConnectorError `driver_unavailable` */
export async function loadConnector(manifest: SourceManifest): Promise<Connector> {
  try {
    return (await manifest.load()).connector;
  } catch (cause) {
    throw new ConnectorError('driver_unavailable', `The driver of ${manifest.name} cannot be loaded.`, {
      remedy: 'Install the server again with all its dependencies.',
      cause,
    });
  }
}
