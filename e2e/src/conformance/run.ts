import type users from '@qlik/api/users';
import { type Promised, readPromises } from './promises.js';

/** What every function takes as its last argument. */
export type CallOptions = NonNullable<Parameters<typeof users.getMyUser>[0]>;

/** Modules of `@qlik/api` of which every function is driven or listed in not-offered.ts. */
export const moduleNames = [
  'data-connections',
  'data-credentials',
  'data-sources',
  'dcaas',
  'connectivity/data-connections',
  'connectivity/data-credentials',
  'connectivity/data-sources',
  'spaces',
  'users',
  'api-keys',
  'csrf-token',
  'oauth-clients',
  'oauth-tokens',
  'tenants',
  'audits',
] as const;
export type ModuleName = (typeof moduleNames)[number];

/** One exported function of one module, and its observed behaviour. */
export interface Operation {
  /** `module.function`. */
  name: string;
  module: ModuleName;
  /** For instance `GET /api/v1/spaces/{spaceId}`, as the client sends it. */
  request: string;
  /** Whether the types promise `next` and `prev`. */
  pages: boolean;
  wasDriven: boolean;
  followed: Set<'next' | 'prev'>;
  /** Where an answer differs from the types. */
  faults: Set<string>;
  /** Members of answers that the types do not know. */
  extras: Set<string>;
}

type Call = (...given: unknown[]) => Promise<Answer>;
interface Answer {
  status: number;
  data?: unknown;
  next?: (options?: CallOptions) => Promise<Answer>;
  prev?: (options?: CallOptions) => Promise<Answer>;
}

export interface Run {
  operations: ReadonlyMap<string, Operation>;
  /** The functions of a module, with checked answers and an optional `options`. */
  driven<Module extends object>(name: ModuleName): Module;
}

/** Method and path, parsed from the function's source: the client keeps them nowhere else. */
function requestOf(call: unknown): string {
  const text = String(call);
  const method = /method: "(\w+)"/.exec(text)?.[1];
  const path = /pathTemplate: "([^"]+)"/.exec(text)?.[1];
  if (!method || !path) throw new Error(`No request in ${text}`);
  return `${method.toUpperCase()} ${path}`;
}

const isOperation = (name: string) => name !== 'clearCache';

function watch(call: Call, operation: Operation, promised: Promised, options: CallOptions): Call {
  const judge = (answer: Answer): Answer => {
    operation.wasDriven = true;
    const { faults, extras } = promised.check(answer);
    for (const one of faults) operation.faults.add(one);
    for (const one of extras) operation.extras.add(one);
    const follow = (way: 'next' | 'prev') => {
      const go = answer[way];
      if (!go) return {};
      const followed = async (given: CallOptions = options) => {
        operation.followed.add(way);
        return judge(await go(given));
      };
      return { [way]: followed };
    };
    return { ...answer, ...follow('next'), ...follow('prev') };
  };
  return async (...given) => {
    const all = [...given];
    all[call.length - 1] ??= options;
    return judge(await call(...all));
  };
}

/** Loads every module. @param options default of calls without options */
export async function startRun(options: CallOptions): Promise<Run> {
  const promisedOf = readPromises(moduleNames);
  const modules = new Map<string, Record<string, Call>>();
  const operations = new Map<string, Operation>();
  for (const module of moduleNames) {
    const specifier = `@qlik/api/${module}`;
    const loaded = (await import(specifier)) as { default: Record<string, Call> };
    const watched: Record<string, Call> = {};
    for (const [name, call] of Object.entries(loaded.default).filter(([one]) => isOperation(one))) {
      const promised = promisedOf(module, name);
      const operation: Operation = {
        name: `${module}.${name}`,
        module,
        request: requestOf(call),
        pages: promised.pages,
        wasDriven: false,
        followed: new Set(),
        faults: new Set(),
        extras: new Set(),
      };
      operations.set(operation.name, operation);
      watched[name] = watch(call, operation, promised, options);
    }
    modules.set(module, watched);
  }
  return {
    operations,
    driven: <Module extends object>(name: ModuleName) => modules.get(name) as unknown as Module,
  };
}
