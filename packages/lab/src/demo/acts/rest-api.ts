import { expectEqual, textAt, valueAt } from '../expectations.js';
import type { Stage } from '../stage.js';
import type { Walk } from '../walk.js';
import type { Team } from './team.js';

const connections = '/api/v1/data-connections';

/** A REST source: an API key in a header, and pages that the reader does not notice. */
export async function readRestApi(walk: Walk, { lab }: Stage, { alice, spaceId }: Team): Promise<void> {
  const { url, apiKey } = lab.restApi;
  const before = lab.restApi.requests().length;
  await walk.step(
    'Alice reads a REST API with a key in a header',
    '25 items in one stream, from three pages',
    async (step) => {
      const created = await step.call(alice, `POST ${connections}`, {
        status: 201,
        body: {
          dataSourceId: 'rest',
          qName: 'Items',
          space: spaceId,
          connectionProperties: {
            url: `${url}/key/next-url`,
            authSchema: 'apiKey',
            apiKeyHeader: apiKey.header,
            apiKey: apiKey.value,
            PaginationType: 'NextUrl',
            NextUrlFieldPath: 'next',
            separateCredentials: true,
            credentialsName: 'Items API',
          },
        },
        show: ['qID', 'qName', 'qSeparateCredentials', 'qCredentialsName'],
      });
      const id = textAt(created.body, 'qID');
      const answer = await step.call(alice, `POST ${connections}/${id}/actions/read`, {
        status: 200,
        accept: 'application/x-ndjson',
        body: { path: [], columns: ['id', 'name', 'price'] },
      });
      expectEqual('trailer Mooring-Stream', answer.streamTrailer, 'complete');
      const lines = answer.text.trimEnd().split('\n');
      const ids = lines.map((row) => valueAt(JSON.parse(row), 'id'));
      expectEqual(
        'ids',
        ids,
        Array.from({ length: 25 }, (_, index) => index + 1),
      );
      expectEqual('pages fetched', lab.restApi.requests().length - before, 3);
    },
  );
}
