import { isInteractive } from '@mooring/connectors/interface/sign-in';
import type { ConnectionProperties } from '@mooring/connectors/qlik/separated';
import type { Caller } from '../../access/caller.js';
import { InvalidRequest, invalidField } from '../../errors/app-error.js';
import type { Tx } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import { completeEntry } from './complete-entry.js';
import {
  type CredentialEntryDependencies,
  configurationOf,
  type EnteredCredential,
  type EntryRequest,
  isOwnersChoice,
  signInRequestOf,
} from './entry-request.js';
import { copyOwn, insertEntered, replaceEntered, type StoreTarget } from './store-entered.js';

// How a user enters a credential: fields in the request, or the code of an interactive sign-in. A new connection, the
// user's own credential on a connection and a credential alone all come through here.

export type CredentialEntry = ReturnType<typeof createCredentialEntry>;

export function createCredentialEntry(deps: CredentialEntryDependencies) {
  const { clients, signIns } = deps;

  /** Tells a failure of the work coarsely if the request wants that and the owner chose the provider. */
  const coarsely = async <Result>(request: EntryRequest, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      const { coarseError } = request;
      if (!coarseError || error instanceof InvalidRequest || !isOwnersChoice(request, clients)) throw error;
      throw await coarseError(error);
    }
  };

  return {
    /** True if the request has at least a part of a credential. */
    isPresent: (split: ConnectionProperties): boolean =>
      Object.keys(split.credential).length > 0 || split.choice.authCode !== undefined,

    async begin(request: EntryRequest) {
      const { signIn } = request.split;
      if (!isInteractive(signIn.oauth)) {
        throw invalidField(
          'authUrlOnly',
          `is not used for sign-in by ${signIn.label}, which has no sign-in page. Send the credential in connectionProperties`,
        );
      }
      return coarsely(request, () => signIns.begin(signInRequestOf(request, clients)));
    },

    /** True if beginning a sign-in calls a host that the operator did not choose. */
    beginsAtOwnersHost(request: EntryRequest): boolean {
      if (!isOwnersChoice(request, clients)) return false;
      const { preset } = configurationOf(request, clients);
      const isDevice = request.split.signIn.oauth?.grant === 'device_code';
      const isPushed = preset.pushedAuthorizationRequestEndpoint !== undefined;
      return isDevice || preset.tokenEndpoint === '' || preset.issuer !== undefined || isPushed;
    },

    /**
     * Checks that everything the sign-in method needs is present, and exchanges a pasted code.
     * @throws InvalidRequest naming each missing property
     */
    complete: (request: EntryRequest): Promise<EnteredCredential> =>
      coarsely(request, () => completeEntry(deps, request)),

    /**
     * Stores it in the transaction that stores what it is for.
     * @returns its id
     */
    store: (tx: Tx, target: StoreTarget, entered: EnteredCredential) =>
      insertEntered(deps, tx, target, entered),

    /** Gives an existing credential of the caller the entered secrets, in place. */
    replace: (
      tx: Tx,
      row: CredentialTable,
      target: Pick<StoreTarget, 'signIn' | 'destination' | 'caller'>,
      entered: EnteredCredential,
    ) => replaceEntered(deps, tx, row, { ...target, entered }),

    /**
     * The secrets of the caller's own embedded credential, for a copy of its connection. An interactive grant is not copied:
     * two holders of one refresh token would end it for both. The copy needs a sign-in of its own.
     */
    copyOwn: (caller: Caller, credential: CredentialTable | undefined) => copyOwn(deps, caller, credential),
  };
}
