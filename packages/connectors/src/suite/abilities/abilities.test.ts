// The checks of abilities are tried on the toy: the honest one passes, and every false claim and every ability that is
// not claimed fails the check of its name.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Abilities } from '../../interface/abilities.js';
import type { ReadPlan, ReadRequest } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import type { AnySource } from '../../interface/source.js';
import type { StartedSource } from '../harness.js';
import { toyHarness } from '../toy-harness.js';
import { toyAbilities, toyConnector, toySource } from '../toy-source.js';
import { type AbilityName, abilityChecks } from './all.js';
import { standOf } from './stand.js';

const honest = toySource as unknown as AnySource;

/** The toy with other claims. */
const claiming = (claims: Partial<Abilities>): AnySource => ({
  ...honest,
  abilities: { ...toyAbilities, ...claims },
});

/** The toy with other sessions and all of its claims. */
const lacking = (change: (session: Session) => Partial<Session>): AnySource => ({
  ...honest,
  load: async () => ({
    connector: {
      ...toyConnector,
      async open(input, context) {
        const session = await toyConnector.open(input as never, context);
        return { ...session, ...change(session) };
      },
    },
  }),
});

/** The toy whose plans are made of another request, or changed afterwards. */
const planning = (
  request: (given: ReadRequest) => Partial<ReadRequest>,
  change: (plan: ReadPlan) => Partial<ReadPlan> = () => ({}),
) =>
  lacking((session) => ({
    async plan(given, call) {
      const plan = await session.plan({ ...given, ...request(given) }, call);
      return { ...plan, ...change(plan) };
    },
  }));

const refusing = () => Promise.reject(new Error('cannot do that'));
const without = (name: 'columns' | 'limit' | 'orderBy' | 'where' | 'parts' | 'file' | 'since') =>
  planning(() => ({ [name]: undefined }) as Partial<ReadRequest>);
const notDone = (done: Partial<ReadPlan['done']>) =>
  planning(
    () => ({}),
    (plan) => ({ done: { ...plan.done, ...done } }),
  );
const { pushdown, browse, incremental: _, query: __, ...rest } = toyAbilities;
const unclaimed = (abilities: Abilities): AnySource => ({ ...honest, abilities });

const wrong: readonly (readonly [check: AbilityName, what: string, source: AnySource])[] = [
  ['query', 'claimed: it refuses queries', lacking((session) => ({ plan: refuseQueries(session) }))],
  ['query', 'not claimed', unclaimed({ ...rest, pushdown, browse, incremental: 'column' })],
  ['query.parameters', 'claimed: it drops them', planning(withoutParameters)],
  ['query.parameters', 'not claimed', claiming({ query: { language: 'sql', parameters: 'none' } })],
  [
    'query.parameters',
    'of the other kind',
    claiming({ query: { language: 'sql', parameters: 'positional' } }),
  ],
  ['pushdown.columns', 'claimed: it returns all', without('columns')],
  ['pushdown.columns', 'claimed: its plans leave them to the kit', notDone({ columns: false })],
  ['pushdown.columns', 'not claimed', claiming({ pushdown: { ...pushdown, columns: false } })],
  ['pushdown.limit', 'claimed: it returns more', planning(() => ({ limit: undefined }) as never, keepsLimit)],
  ['pushdown.limit', 'claimed: its plans leave it to the kit', notDone({ limit: false })],
  ['pushdown.limit', 'not claimed', claiming({ pushdown: { ...pushdown, limit: false } })],
  ['pushdown.order', 'claimed: it does not sort', without('orderBy')],
  ['pushdown.order', 'not claimed', claiming({ pushdown: { ...pushdown, order: false } })],
  [
    'pushdown.filter',
    'claimed: one operator too many',
    claiming({ pushdown: { ...pushdown, filter: ['eq', 'lt'] } }),
  ],
  ['pushdown.filter', 'claimed: it drops the filter, and says that it does not', without('where')],
  ['pushdown.filter', 'not claimed', claiming({ pushdown: { ...pushdown, filter: [] } })],
  [
    'browse.levels and depth',
    'a level that there is not',
    claiming({ browse: { ...browse, levels: ['schema', 'table', 'view', 'column'] } }),
  ],
  [
    'browse.levels and depth',
    'a level that is not claimed',
    claiming({ browse: { ...browse, levels: ['schema', 'table'] } }),
  ],
  ['browse.levels and depth', 'deeper than it is', claiming({ browse: { ...browse, depth: 4 } })],
  ['browse.levels and depth', 'less deep than it is', claiming({ browse: { ...browse, depth: 2 } })],
  [
    'browse.search',
    'claimed: it lists everything',
    lacking((session) => ({ browse: ({ search: ___, ...request }, call) => session.browse(request, call) })),
  ],
  ['browse.search', 'not claimed', claiming({ browse: { ...browse, search: false } })],
  ['describe', 'claimed: it cannot', lacking(() => ({ describe: refusing }))],
  [
    'describe',
    'of queries claimed: only of paths',
    lacking((session) => ({
      describe: (target, call) =>
        'query' in target ? refusing() : (session.describe?.(target, call) ?? refusing()),
    })),
  ],
  [
    'describe',
    'claimed: other columns',
    lacking((session) => ({
      describe: async (target, call) => ({
        kind: 'table',
        columns: (await session.describe?.(target, call))?.columns.slice(1) ?? [],
      }),
    })),
  ],
  ['describe', 'not claimed', claiming({ describe: 'no' })],
  ['describe', 'of queries not claimed', claiming({ describe: 'path' })],
  ['splits', 'claimed: always one', without('parts')],
  [
    'splits',
    'claimed: every part is the whole',
    planning(
      () => ({}),
      (plan) => ({ open: (_split, how, call) => plan.open({ from: 0 }, how, call) }),
    ),
  ],
  ['splits', 'not claimed', claiming({ splits: false })],
  ['bytes', 'claimed: it cannot', lacking(() => ({ bytes: refusing }))],
  [
    'bytes',
    'claimed: it ignores the range',
    lacking((session) => ({
      bytes: async ({ path }, call) => (await session.bytes?.({ path }, call)) ?? refusing(),
    })),
  ],
  ['bytes', 'not claimed', claiming({ bytes: false })],
  [
    'files',
    'claimed: it ignores the options',
    planning(
      () => ({ file: undefined }) as never,
      () => ({ file: {} }),
    ),
  ],
  ['files', 'not claimed', claiming({ files: false })],
  [
    'incremental',
    'claimed: it gives no cursor',
    planning(
      () => ({}),
      () => ({ cursor: () => undefined }),
    ),
  ],
  ['incremental', 'claimed: it begins again', without('since')],
  [
    'incremental',
    'not claimed',
    unclaimed({ ...rest, pushdown, browse, query: { language: 'sql', parameters: 'named' } }),
  ],
  ['cancel', 'at the source claimed: there is none', lacking(() => ({ cancel: undefined }) as never)],
  ['cancel', 'at the source claimed: it does nothing', lacking(() => ({ cancel: async () => undefined }))],
  ['cancel', 'at the source not claimed', claiming({ cancel: 'disconnect' })],
  ['readOnly', 'not claimed', claiming({ readOnly: 'login' })],
  ['reset', 'claimed: there is none', lacking(() => ({ reset: undefined }) as never)],
  ['reset', 'claimed: it leaves everything', lacking(() => ({ reset: async () => undefined }))],
  ['reset', 'not claimed', claiming({ reset: false })],
];

function refuseQueries(session: Session): Session['plan'] {
  return (request, call) => ('query' in request.target ? refusing() : session.plan(request, call));
}
function withoutParameters({ target }: ReadRequest): Partial<ReadRequest> {
  return { target: 'query' in target ? { query: target.query } : target };
}
function keepsLimit({ done }: ReadPlan): Partial<ReadPlan> {
  return { done: { ...done, limit: true } };
}

describe('the checks of abilities', () => {
  let started: StartedSource;
  beforeAll(async () => {
    started = await toyHarness.start();
  });
  afterAll(() => started.close());

  const run = async (name: AbilityName, source: AnySource) => {
    const stand = standOf(source, started);
    await abilityChecks[name](stand).finally(() => stand.bench.network.close());
  };

  it.each(Object.keys(abilityChecks) as AbilityName[])('%s: passes an honest source', (name) =>
    run(name, honest),
  );

  it.each(wrong)('%s, %s: fails', (name, _what, source) => expect(run(name, source)).rejects.toThrow());

  it('has a case for each', () => {
    expect([...new Set(wrong.map(([name]) => name))].toSorted()).toEqual(
      Object.keys(abilityChecks).toSorted(),
    );
  });

  it('readOnly, claimed: fails a source that has written', async () => {
    const written = { query: 'delete items', isWritten: async () => true };
    const stand = standOf(honest, { ...started, write: written });
    await expect(abilityChecks.readOnly(stand)).rejects.toThrow();
  });
});
