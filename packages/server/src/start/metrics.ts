import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Gate } from '../core/egress/gate.js';
import type { Isolation } from '../core/isolation/isolation.js';
import type { RunnerPool } from '../core/runners/pool.js';
import type { Sessions } from '../core/sessions/sessions.js';

export interface Metrics {
  observe(route: string, method: string, status: number, seconds: number): void;
  tidyingFailed(step: string): void;
  text(): Promise<{ text: string; contentType: string }>;
}

export interface MeasuredRooms {
  gate: Pick<Gate, 'counts'>;
  sessions: Pick<Sessions, 'openCount'>;
  isolation: Pick<Isolation, 'counts'>;
  /** Absent where uses run in this process. */
  runners: RunnerPool | undefined;
}

/** Prometheus metrics. Labels hold route patterns and codes only: their number is bounded, and they show no names. */
export function createMetrics(rooms: MeasuredRooms): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'mooring_http_request_seconds',
    help: 'Time to answer a request, by route pattern, method and status class',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  countUses(registry, rooms);
  if (rooms.runners) countRunners(registry, rooms.runners);
  const tidyingFailures = new Counter({
    name: 'mooring_tidying_failures_total',
    help: 'Failed steps of the periodic clean-up, by step',
    labelNames: ['step'],
    registers: [registry],
  });
  return {
    tidyingFailed: (step) => tidyingFailures.inc({ step }),
    observe(route, method, status, seconds) {
      requests.observe({ route, method, status: `${Math.floor(status / 100)}xx` }, seconds);
    },
    text: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}

type Counts = Readonly<Record<string, number>>;

function gauge(registry: Registry, [name, help]: readonly [name: string, help: string], value: () => number) {
  new Gauge({
    ...{ name, help, registers: [registry] },
    collect() {
      this.set(value());
    },
  });
}

/** @param label of the one label, whose values are the names of the counts */
function counter(
  registry: Registry,
  [name, help]: readonly [name: string, help: string],
  label: string,
  counts: () => Counts,
) {
  new Counter({
    ...{ name, help, labelNames: [label], registers: [registry] },
    collect() {
      this.reset();
      for (const [value, count] of Object.entries(counts())) this.inc({ [label]: value }, count);
    },
  });
}

function countUses(registry: Registry, { gate, sessions, isolation }: MeasuredRooms): void {
  const { counts } = isolation;
  gauge(registry, ['mooring_open_sessions', 'Open sessions with data sources'], sessions.openCount);
  counter(
    registry,
    ['mooring_egress_refused_total', 'Outbound connections refused by the network policy, by reason'],
    'reason',
    () => gate.counts().refused,
  );
  const gauges: [name: string, help: string, value: () => number][] = [
    ['mooring_paused_sources', 'Sources whose circuit breaker is open', () => counts().paused],
    ['mooring_uses_at_work', 'Uses that are running', () => counts().atWork],
    ['mooring_uses_waiting', 'Uses that wait for a concurrency limit', () => counts().waiting],
    [
      'mooring_uses_at_work_of_one_user',
      'The most uses that one user is running within one concurrency limit',
      () => counts().ofOneUser.atWork,
    ],
    [
      'mooring_uses_waiting_of_one_user',
      'The most uses of one user that wait for one concurrency limit',
      () => counts().ofOneUser.waiting,
    ],
  ];
  for (const [name, help, value] of gauges) gauge(registry, [name, help], value);
  counter(
    registry,
    ['mooring_uses_shed_total', 'Uses rejected before anything was sent to the source, by reason'],
    'reason',
    () => counts().shed,
  );
}

function countRunners(registry: Registry, runners: RunnerPool): void {
  new Gauge({
    name: 'mooring_runners',
    help: 'Runner processes, by state',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { atWork, idle } = runners.counts();
      this.set({ state: 'at_work' }, atWork);
      this.set({ state: 'idle' }, idle);
    },
  });
  gauge(
    registry,
    ['mooring_runners_memory_bytes', 'Memory of all runners together, as last measured'],
    () => runners.counts().memoryBytes,
  );
  counter(
    registry,
    ['mooring_runner_crashes_total', 'Runners that crashed or had to be killed, by ending'],
    'ending',
    () => runners.counts().crashes,
  );
}
