import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Gate } from '../core/egress/gate.js';
import type { Isolation } from '../core/isolation/isolation.js';
import type { RunnerPool } from '../core/runners/pool.js';

export interface Metrics {
  observe(route: string, method: string, status: number, seconds: number): void;
  tidyingFailed(step: string): void;
  text(): Promise<{ text: string; contentType: string }>;
}

/** Prometheus metrics. Labels hold route patterns and codes only, so they neither grow nor tell a name. */
export function createMetrics(
  gate: Gate,
  openSessions: () => number,
  isolated: Isolation['counts'],
  runners: RunnerPool | undefined,
): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'mooring_http_request_seconds',
    help: 'Time to answer a request, by route pattern, method and status class',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  new Gauge({
    name: 'mooring_open_sessions',
    help: 'Sessions with data sources that are open now',
    registers: [registry],
    collect() {
      this.set(openSessions());
    },
  });
  new Counter({
    name: 'mooring_egress_refused_total',
    help: 'Outbound connections that the network policy refused, by reason',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(gate.counts().refused)) this.inc({ reason }, count);
    },
  });
  new Gauge({
    name: 'mooring_paused_sources',
    help: 'Sources that are left alone because they could not be reached',
    registers: [registry],
    collect() {
      this.set(isolated().paused);
    },
  });
  const gauges: [name: string, help: string, value: () => number][] = [
    ['mooring_uses_at_work', 'Uses that are at work', () => isolated().atWork],
    ['mooring_uses_waiting', 'Uses that wait for a budget', () => isolated().waiting],
    [
      'mooring_uses_at_work_of_one_user',
      'The most uses that one user has at work in one budget',
      () => isolated().ofOneUser.atWork,
    ],
    [
      'mooring_uses_waiting_of_one_user',
      'The most uses of one user that wait for one budget',
      () => isolated().ofOneUser.waiting,
    ],
  ];
  for (const [name, help, value] of gauges) {
    new Gauge({
      ...{ name, help, registers: [registry] },
      collect() {
        this.set(value());
      },
    });
  }
  new Counter({
    name: 'mooring_uses_shed_total',
    help: 'Uses that were refused before anything was sent to the source, by reason',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(isolated().shed)) this.inc({ reason }, count);
    },
  });
  if (runners) watchRunners(registry, runners);
  const tidyingFailures = new Counter({
    name: 'mooring_tidying_failures_total',
    help: 'Steps of tidying the store that failed, by step',
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

function watchRunners(registry: Registry, runners: RunnerPool): void {
  new Gauge({
    name: 'mooring_runners',
    help: 'Processes that work on sources, by whether they are at work',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { atWork, idle } = runners.counts();
      this.set({ state: 'at_work' }, atWork);
      this.set({ state: 'idle' }, idle);
    },
  });
  new Gauge({
    name: 'mooring_runners_memory_bytes',
    help: 'Memory of all of them together, as last looked at',
    registers: [registry],
    collect() {
      this.set(runners.counts().memoryBytes);
    },
  });
  new Counter({
    name: 'mooring_runner_crashes_total',
    help: 'Those that ended with uses in them or had to be ended, by what it was',
    labelNames: ['ending'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [ending, count] of Object.entries(runners.counts().crashes)) this.inc({ ending }, count);
    },
  });
}
