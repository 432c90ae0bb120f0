import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type LabRestApi, startRestApi } from '@mooring/lab/rest-api';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { type MooringProcess, startMooring } from './mooring-process.js';

/** Servers and folders of the benchmarks; each is started on first use. */
export interface Stage {
  /** Fewer and shorter rounds: a smoke test, not for publication. */
  isQuick: boolean;
  /** Size of the large store of `million`. */
  connections: number;
  mooring(): Promise<MooringProcess>;
  postgres(): Promise<LabPostgres>;
  s3(): Promise<LabS3>;
  rest(): Promise<LabRestApi>;
  /** A fresh path for a data folder or a file; removed at the end. */
  freshPath(name: string): Promise<string>;
  close(): Promise<void>;
}

export interface StageOptions {
  isQuick: boolean;
  connections: number;
  /** Folder for the CPU profile of the server; absent: no profile. */
  profileFolder?: string;
}

export function createStage({ isQuick, connections, profileFolder }: StageOptions): Stage {
  const undo: (() => Promise<unknown>)[] = [];
  const once = <Part>(start: () => Promise<Part>, stop: (part: Part) => Promise<unknown>) => {
    let started: Promise<Part> | undefined;
    return () => {
      started ??= start().then((part) => {
        undo.push(() => stop(part));
        return part;
      });
      return started;
    };
  };
  const folder = once(
    () => mkdtemp(join(tmpdir(), 'mooring-bench-')),
    (path) => rm(path, { recursive: true, force: true }),
  );
  const freshPath = async (name: string) => join(await folder(), name);
  const nodeOptions = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : [];
  return {
    isQuick,
    connections,
    freshPath,
    mooring: once(
      async () => startMooring(await freshPath('data'), nodeOptions),
      (mooring) => mooring.stop(),
    ),
    postgres: once(
      () => startPostgres(isQuick ? { rowsInBig: 100_000 } : {}),
      (postgres) => postgres.close(),
    ),
    s3: once(
      () => startS3(),
      (s3) => s3.close(),
    ),
    rest: once(
      () => startRestApi(),
      (rest) => rest.close(),
    ),
    async close() {
      while (undo.length > 0) await undo.pop()?.();
    },
  };
}
