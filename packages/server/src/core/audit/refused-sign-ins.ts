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

/** Never rejects: the request is refused whether or not the event can be stored. */
export type RecordRefusedSignIn = (refused: RefusedSignIn) => Promise<void>;

/** Records whose sign-in a source refused, so that guessing at a source shows in the audit log. */
export function createRefusedSignIns(refusals: FoldedRefusals, log: Logger): RecordRefusedSignIn {
  return async ({ caller, connection, credential, action }) => {
    const event = {
      name: 'source-sign-in.refused',
      by: caller,
      // An unsaved connection has no id; only the user is known.
      resourceId: connection?.id ?? caller.userId,
      ownerId: credential?.owner_id ?? null,
      spaceId: connection?.space_id ?? null,
      data: { action, ...(credential ? { credentialId: credential.id } : {}) },
    } as const;
    await refusals
      .record(event, `${action} ${credential?.id}`)
      .catch((error: unknown) =>
        log.error({ err: error, action }, 'refused sign-in could not be written to the audit log'),
      );
  };
}
