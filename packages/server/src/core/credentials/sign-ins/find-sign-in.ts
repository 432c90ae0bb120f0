import type { Secret } from '@mooring/connectors/interface/secret';
import { sha256 } from '../../crypto/digest.js';
import type { Store } from '../../store/store.js';
import type { SignInTable } from '../../store/tables.js';
import type { PastedCode } from './pasted-code.js';
import type { SignInRequest } from './sign-in-request.js';

type Sought = Pick<SignInRequest, 'caller' | 'manifest'>;

/** The caller's sign-ins for this source. */
const mine = ({ db }: Pick<Store, 'db'>, { caller, manifest }: Sought) =>
  db
    .selectFrom('sign_in')
    .selectAll()
    .where('tenant_id', '=', caller.tenantId)
    .where('user_id', '=', caller.userId)
    .where('source_id', '=', manifest.id);

/** By our ticket, by the provider's code or by its state; else the latest that is pending for this destination. */
export async function findByCode(
  store: Pick<Store, 'db'>,
  request: Sought & Pick<SignInRequest, 'destination'>,
  pasted: Pick<PastedCode, 'code' | 'state'>,
): Promise<SignInTable | undefined> {
  const hash = sha256(pasted.code.reveal());
  const exact = await mine(store, request)
    .where((eb) => eb.or([eb('ticket_hash', '=', hash), eb('code_hash', '=', hash)]))
    .executeTakeFirst();
  if (exact) return exact;
  // A ticket is known by its form; another user's must not fall through to another sign-in of the caller.
  if (pasted.code.reveal().startsWith('mst_')) return undefined;
  if (pasted.state !== undefined)
    return mine(store, request).where('state_hash', '=', sha256(pasted.state)).executeTakeFirst();
  return mine(store, request)
    .where('status', '=', 'pending')
    .where('destination', '=', request.destination)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The sign-in on another device whose id was pasted. */
export const findOnDevice = (
  store: Pick<Store, 'db'>,
  request: Sought,
  pasted: Secret<string>,
): Promise<SignInTable | undefined> =>
  mine(store, request)
    .where('id', '=', pasted.reveal().trim().toLowerCase())
    .where('device_next_at', 'is not', null)
    .executeTakeFirst();
