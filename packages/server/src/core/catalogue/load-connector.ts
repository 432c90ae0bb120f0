import type { Connector } from '@mooring/connectors/spec/connector';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';

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
