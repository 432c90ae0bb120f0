// What harnesses of servers of MySQL's protocol share: they run on the lab's MariaDB.
import { type LabMariaDb, startMariaDb } from '@mooring/lab/mariadb';
import type { Proofs } from '../../suite/harness.js';
import { startTellingMysql } from '../../suite/telling-servers.js';
import { type SqlHarness, sqlHarness } from '../sql/sql-harness.js';
import { countOf, isRunning } from './__fixtures__/administration.js';

type OfSource = Required<Pick<Proofs, 'types' | 'residue'>> & {
  /** Inserts a row with the name `written by a read` into `sales.scratch`. */
  write: string;
};

/** One for MySQL and MariaDB where both are tested. */
const startLab = () => startMariaDb();

export const mysqlHarness = ({ types, residue, write }: OfSource): SqlHarness<LabMariaDb> =>
  sqlHarness({
    database: 'database',
    notInDemo: 'Its server is not in npm, and the demo installs nothing.',
    harmless: { treatTinyAsBoolean: true },
    hasCertificates: true,
    startLab,
    login: ({ admin }) => admin,
    startTelling: startTellingMysql,
    proofs: (lab) => ({
      readable: { path: ['sales', 'all_orders'], rows: 8 },
      query: 'select 1 as one, null as nothing',
      parameterised: [
        {
          query: 'select id, name from sales.customers where id > ? order by id',
          parameters: [1],
          rows: [
            [2, 'Ōsaka Trading 大阪'],
            [3, "O'Neill & Söhne"],
          ],
        },
      ],
      write: {
        query: write,
        isWritten: async () => (await countOf(lab, `sales.scratch where name = 'written by a read'`)) > 0,
      },
      residue,
      slow: {
        read: { query: 'select sleep(120) as slow_contract_work' },
        isRunning: () => isRunning(lab, 'slow_contract_work'),
      },
      types,
    }),
  });
