import { useBigQuery } from './acts/bigquery.js';
import { signInInteractively } from './acts/interactive-sign-in.js';
import { searchForSecrets } from './acts/kept-secrets.js';
import { readRestApi } from './acts/rest-api.js';
import { shareS3 } from './acts/shared-s3.js';
import { makeTeam, type Team } from './acts/team.js';
import { serveTwoUsers } from './acts/two-users.js';
import type { Narrator } from './narrator.js';
import type { Stage } from './stage.js';
import { createWalk, type StepRecord } from './walk.js';

export interface StoryOptions {
  stage: Stage;
  narrator: Narrator;
  /** The user at the keyboard signs in, in their own browser. */
  isManual: boolean;
  signal: AbortSignal;
}

export interface Story {
  records: readonly StepRecord[];
  /** Undefined when the users could not be created. */
  team: Team | undefined;
  /** The PostgreSQL connection that both use; undefined when that part failed. */
  sharedConnectionId: string | undefined;
}

const actCount = 6;

/** Runs all acts, also after one of them failed. Without the users, no act can run. */
export async function tellStory({ stage, narrator, isManual, signal }: StoryOptions): Promise<Story> {
  const { secrets, mooring } = stage;
  const walk = createWalk({ narrator, secrets, url: mooring.url, acts: actCount, signal });
  const team = await walk.act('two users and a space', () => makeTeam(walk, stage));
  if (team === undefined) return { records: walk.records, team, sharedConnectionId: undefined };
  await walk.act('S3 with separated credentials (documented flows A1 to A4)', () =>
    shareS3(walk, stage, team),
  );
  const sharedConnectionId = await walk.act('one connection, two users, different rows for each', () =>
    serveTwoUsers(walk, stage, team),
  );
  await walk.act('BigQuery with an interactive sign-in (documented flow A5)', async () => {
    const byHand = isManual ? { narrator, signal } : null;
    const id = await signInInteractively({ ...team, walk, stage, byHand });
    await useBigQuery(walk, stage, team, id);
  });
  await walk.act('a REST API', () => readRestApi(walk, stage, team));
  await walk.act('what Mooring stores', () => searchForSecrets(walk, stage));
  return { records: walk.records, team, sharedConnectionId };
}
