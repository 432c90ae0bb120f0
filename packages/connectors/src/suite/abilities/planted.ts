// Sources that are not what they claim: variants of the toy.
import type { Abilities } from '../../interface/abilities.js';
import { type FilterOp, filterOps } from '../../interface/filter.js';
import type { Parameter, ReadPlan, ReadRequest } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import type { AnySource } from '../../interface/source.js';
import { toyAbilities, toyConnector, toySource } from '../toy-source.js';
import type { AbilityName } from './all.js';

export const honest = toySource as unknown as AnySource;

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

const queryless = { ...rest, pushdown, browse, incremental: 'column' as const };
export const disconnecting = withClaims(
  lacking(() => ({ cancel: undefined }) as never),
  { cancel: 'disconnect' },
);

/** Sources that claim what they cannot do, or can do what they do not claim: the check of that name fails them. */
export const wrong: readonly (readonly [check: AbilityName, what: string, source: AnySource])[] = [
  ['query', 'claimed: it refuses queries', lacking((session) => ({ plan: refuseQueries(session) }))],
  ...(['soql', 'kql', 'odata'] as const).map(
    (language) =>
      ['query', `in ${language}, claimed`, claiming({ query: { language, parameters: 'named' } })] as const,
  ),
  ['query', 'not claimed', unclaimed(queryless)],
  ['query.parameters', 'claimed: it drops them', planning(withoutParameters)],
  ['query.parameters', 'not claimed', claiming({ query: { language: 'sql', parameters: 'none' } })],
  [
    'query.parameters',
    'of the other kind',
    claiming({ query: { language: 'sql', parameters: 'positional' } }),
  ],
  ['query.parameters', 'of both kinds', claiming({ query: { language: 'sql', parameters: 'both' } })],
  ['query.parameters', 'of the other kind, taken but not claimed', planning(namedAnyway)],
  ['pushdown.columns', 'claimed: it returns all', without('columns')],
  ['pushdown.columns', 'claimed: its plans leave them to the kit', notDone({ columns: false })],
  ['pushdown.columns', 'not claimed', claiming({ pushdown: { ...pushdown, columns: false } })],
  ['pushdown.limit', 'claimed: it returns more', planning(() => ({ limit: undefined }) as never, keepsLimit)],
  ['pushdown.limit', 'claimed: its plans leave it to the kit', notDone({ limit: false })],
  ['pushdown.limit', 'not claimed', claiming({ pushdown: { ...pushdown, limit: false } })],
  ['pushdown.order', 'claimed: it does not sort', without('orderBy')],
  ['pushdown.order', 'claimed: its plans leave it to the kit', notDone({ order: false })],
  ['pushdown.order', 'claimed: it sorts the other way', planning(backwards)],
  ['pushdown.order', 'not claimed', claiming({ pushdown: { ...pushdown, order: false } })],
  ...filterOps
    .filter((op) => op !== 'eq')
    .flatMap((op) => [
      [
        'pushdown.filter',
        `claimed: ${op}, which it leaves to the kit`,
        claiming({ pushdown: { ...pushdown, filter: ['eq', op] } }),
      ] as const,
      [
        'pushdown.filter',
        `claimed: ${op}, as which it takes eq`,
        withClaims(planning(asEq(op)), { pushdown: { ...pushdown, filter: ['eq', op] } }),
      ] as const,
      ['pushdown.filter', `${op}, not claimed`, planning(asEq(op))] as const,
    ]),
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
  [
    'splits',
    'claimed: a part is lost',
    planning(
      () => ({}),
      ({ splits }) => ({ splits: splits.slice(1) }),
    ),
  ],
  ['splits', 'claimed: it takes parts that it has not made', planning(anySplit, lenient)],
  [
    'splits',
    'claimed: its parts are not of the one state that it promises',
    planning(
      () => ({ consistency: 'none' }),
      () => ({ consistency: 'snapshot' }),
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
    'claimed: it never has more',
    planning(({ since }) => (since === undefined ? {} : { limit: 0 })),
  ],
  [
    'incremental',
    'not claimed',
    unclaimed({ ...rest, pushdown, browse, query: { language: 'sql', parameters: 'named' } }),
  ],
  ['cancel', 'at the source claimed: there is none', lacking(() => ({ cancel: undefined }) as never)],
  ['cancel', 'at the source claimed: it does nothing', lacking(() => ({ cancel: async () => undefined }))],
  ['cancel', 'at the source not claimed', claiming({ cancel: 'disconnect' })],
  ['readOnly', 'not claimed', claiming({ readOnly: 'login' })],
  ['readOnly', 'claimed without a query language', unclaimed({ ...queryless, readOnly: 'enforced' })],
  ['reset', 'claimed: there is none', lacking(() => ({ reset: undefined }) as never)],
  ['reset', 'claimed: it leaves everything', lacking(() => ({ reset: async () => undefined }))],
  ['reset', 'not claimed', claiming({ reset: false })],
  ['reset', 'not claimed, without a query language', unclaimed({ ...queryless, reset: false })],
];

function refuseQueries(session: Session): Session['plan'] {
  return (request, call) => ('query' in request.target ? refusing() : session.plan(request, call));
}
function withClaims(source: AnySource, claims: Partial<Abilities>): AnySource {
  return { ...source, abilities: { ...source.abilities, ...claims } };
}
/** A list becomes the values by the names in the query. */
function namedAnyway({ target }: ReadRequest): Partial<ReadRequest> {
  if (!('query' in target) || !Array.isArray(target.parameters)) return {};
  const names = [...target.query.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const entries = names.map((name, at) => [name, (target.parameters as readonly Parameter[])[at] ?? null]);
  return { target: { query: target.query, parameters: Object.fromEntries(entries) } };
}
function backwards({ orderBy }: ReadRequest): Partial<ReadRequest> {
  const turned = { asc: 'desc', desc: 'asc' } as const;
  return orderBy ? { orderBy: orderBy.map((one) => ({ ...one, direction: turned[one.direction] })) } : {};
}
/** Comparisons by this operator, made as if they were by `eq`. */
function asEq(wanted: FilterOp): (request: ReadRequest) => Partial<ReadRequest> {
  return ({ where }) => {
    if (!where || !('op' in where) || where.op !== wanted) return {};
    // What the toy compares exactly, and no row has.
    const value = 'value' in where && typeof where.value === 'number' ? where.value : -1;
    return { where: { column: where.op === 'null' ? 'id' : where.column, op: 'eq', value } };
  };
}
/** Takes of a part whatever can be understood. */
function lenient({ open }: ReadPlan): Partial<ReadPlan> {
  const understood = (value: unknown) => Math.abs(Number.parseInt(String(value), 10)) || 0;
  return {
    open(split, how, call) {
      const { from, to } = Object(split) as { from?: unknown; to?: unknown };
      const part = { from: understood(from), ...(to === undefined ? {} : { to: understood(to) }) };
      return open(part, how, call);
    },
  };
}
function anySplit({ split }: ReadRequest): Partial<ReadRequest> {
  return split === undefined ? {} : { split: { from: 0 } };
}
function withoutParameters({ target }: ReadRequest): Partial<ReadRequest> {
  return { target: 'query' in target ? { query: target.query } : target };
}
function keepsLimit({ done }: ReadPlan): Partial<ReadPlan> {
  return { done: { ...done, limit: true } };
}
