import type { Logger } from 'pino';
import type { ConnectionTable, CredentialTable } from '../store/tables.js';
import type { FoldedRefusals } from './folded-refusals.js';
import type { AuditEvent } from './record.js';

/** A use whose sign-in the source refused. */
export interface RefusedSignIn {
  caller: AuditEvent['by'];
  connection?: Pick<ConnectionTable, 'id' | 'space_id'>;
  credential?: Pick<CredentialTable, 'id' | 'owner_id'> | undefined;
  action: string;
}

/** Never rejects: the answer is a refusal whether or not it can be put on record. */
export type RecordRefusedSignIn = (refused: RefusedSignIn) => Promise<void>;

/** Puts it on record whose sign-in a source refused, so that guesses at a source are seen here too. */
export function createRefusedSignIns(refusals: FoldedRefusals, log: Logger): RecordRefusedSignIn {
  return async ({ caller, connection, credential, action }) => {
    const event = {
      name: 'source-sign-in.refused',
      by: caller,
      // Of an unsaved connection there is only who tried.
      resourceId: connection?.id ?? caller.userId,
      ownerId: credential?.owner_id ?? null,
      spaceId: connection?.space_id ?? null,
      data: { action, ...(credential ? { credentialId: credential.id } : {}) },
    } as const;
    await refusals
      .record(event, `${action} ${credential?.id}`)
      .catch((error: unknown) =>
        log.error({ err: error, action }, 'a refused sign-in could not be put on record'),
      );
  };
}
