import type { TokenFault } from '@mooring/lab/authorization-server/faults';
import { createSwitches } from '@mooring/lab/authorization-server/faults';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { CredentialTable } from '../../../store/tables.js';
import type { TokenOptions } from '../access-token.js';
import type { Grants } from '../grants.js';
import { type GrantStand, startGrantStand } from './grant-stand.js';

// The tests of docs/reference/grant-lifecycle.md; each is named by the ids of its rows.

/** Life of a token of the stand, in milliseconds. */
export const tokenLifeMs = 300_000;

/** The token endpoint answers with this. */
export const answer = (
  status: number,
  body: object | string,
  headers: Record<string, string> = {},
): TokenFault => ({
  kind: 'answer',
  answer: {
    status,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
    ...(typeof body === 'string' ? { contentType: 'text/html' } : {}),
  },
});

/** One stand for the tests of a file, and a fresh credential for each of them. */
export function grantCase() {
  let stand: GrantStand;
  let credential: CredentialTable;

  beforeAll(async () => {
    stand = await startGrantStand();
  });
  afterAll(() => stand.close());
  beforeEach(async () => {
    Object.assign(stand.lab.switches, createSwitches());
    stand.clock.reset();
    credential = await stand.credential();
    stand.lab.resetCounts();
  });

  const calls = () => stand.lab.counts().token.refresh_token;
  /** Holds the next refresh after its work and before its answer. */
  const holdNext = () => {
    let release = () => {};
    let tell = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const arrived = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const before = calls();
    stand.lab.switches.tokenWatch = (moment) => {
      if (moment !== 'done' || calls() === before) return undefined;
      stand.lab.switches.tokenWatch = undefined;
      tell();
      return held;
    };
    return { arrived, release };
  };
  const tokenOf = async (process: Grants, of: CredentialTable, options?: TokenOptions) =>
    (await process.accessToken(of, stand.setup, options)).accessToken.reveal();

  return {
    get stand() {
      return stand;
    },
    get credential() {
      return credential;
    },
    set credential(other) {
      credential = other;
    },
    calls,
    isGood: async (token: string) => (await stand.lab.verifyAccessToken(token)).active,
    /** Lets the token end, by the clock of the store. */
    end: () => stand.clock.move(tokenLifeMs + 1000),
    holdNext,
    tokenOf,
    asked: (process = stand.process()) => tokenOf(process, credential),
    signInAgain: () => {
      stand.clock.reset();
      return stand.signInAgain(credential);
    },
    /** Makes the store a read-only one as far as a table goes. @returns what ends it */
    async refuseWrites(table: 'grant_state' | 'secret') {
      const { db, kind } = stand.store;
      const [begin, finish] = {
        sqlite: [
          `create trigger read_only before update on ${table} begin select raise(abort, 'read-only'); end`,
          'drop trigger read_only',
        ],
        postgresql: [
          `alter table ${table} add constraint read_only check (tenant_id = '') not valid`,
          `alter table ${table} drop constraint read_only`,
        ],
      }[kind] as [string, string];
      await sql.raw(begin).execute(db);
      return () => sql.raw(finish).execute(db);
    },
    soon: (condition: () => Promise<boolean>) => expect.poll(condition, { interval: 5 }).toBe(true),
  };
}
