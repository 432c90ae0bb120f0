import type { Route } from '@mooring/contract/route';
import { InvalidRequest } from '../../core/errors/app-error.js';
import { parseInput } from '../../core/input/tolerance.js';

/** How many unknown names one error reports. */
const reportedMax = 20;

type Problem = ConstructorParameters<typeof InvalidRequest>[0][number];

const supported = (known: readonly string[]): string => `Supported: ${known.join(', ') || 'none'}`;

/** Query parameters that look like filters of the list but are not supported. */
function wrongFilters({ query, unknownInput }: Route, given: object): Problem[] {
  const known = new Set(Object.keys(query?.shape ?? {}).map((name) => name.toLowerCase()));
  const filters = new Map(
    Object.entries(unknownInput?.filters ?? {}).map(([name, right]) => [name.toLowerCase(), right]),
  );
  return Object.keys(given).flatMap((name) => {
    const right = filters.get(name.toLowerCase());
    return right === undefined || known.has(name.toLowerCase())
      ? []
      : [{ field: name, message: `is not a parameter of this list: ${right}` }];
  });
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Query and body as the route's schemas have them.
 * @throws InvalidRequest also for unknown members and parameters of a strict route
 */
export function readInput(route: Route, given: { query: unknown; body: unknown }) {
  const problems: Problem[] = [];
  const isStrict = route.unknownInput === undefined;
  const collect = (what: 'parameter' | 'member') => (field: string, known: readonly string[]) => {
    if (problems.length < reportedMax)
      problems.push({ field, message: `is not a ${what} of this request. ${supported(known)}` });
  };
  const onUnknown = (what: 'parameter' | 'member') => (isStrict ? collect(what) : undefined);
  const without = (value: unknown, what: 'parameter' | 'member') => {
    if (isStrict && isObject(value))
      for (const name of Object.keys(value)) collect(what)(name.slice(0, 128), []);
  };
  const read = <Result>(work: () => Result): Result | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof InvalidRequest)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  if (!isStrict && isObject(given.query)) problems.push(...wrongFilters(route, given.query));
  const { query: querySchema, body: bodySchema } = route;
  if (!querySchema) without(given.query, 'parameter');
  if (!bodySchema) without(given.body, 'member');
  const query =
    querySchema && read(() => parseInput(querySchema, given.query, 'query', onUnknown('parameter')));
  const body =
    bodySchema &&
    read(() =>
      parseInput(
        bodySchema,
        given.body ?? (bodySchema.safeParse(undefined).success ? undefined : {}),
        'body',
        onUnknown('member'),
      ),
    );
  if (problems.length > 0) throw new InvalidRequest(problems);
  return { query, body };
}
