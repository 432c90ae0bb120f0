import type { SplitProperties } from '@mooring/connectors/kit/properties';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { Caller } from '../../access/caller.js';
import { InvalidRequest } from '../../errors/app-error.js';
import type { Tx } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import type { SignIns } from '../sign-ins/sign-ins.js';
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

export interface CredentialEntry {
  /** True if the request has at least a part of a credential. */
  isPresent(split: SplitProperties): boolean;
  begin(request: EntryRequest): ReturnType<SignIns['begin']>;
  /** True if beginning a sign-in calls a host that the operator did not choose. */
  beginsAtOwnersHost(request: EntryRequest): boolean;
  /**
   * Checks that everything the sign-in method needs is present, and exchanges a pasted code.
   * @throws InvalidRequest naming each missing property
   */
  complete(request: EntryRequest): Promise<EnteredCredential>;
  /**
   * Stores it in the transaction that stores what it is for.
   * @returns its id
   */
  store(tx: Tx, target: StoreTarget, entered: EnteredCredential): Promise<string>;
  /** Gives an existing credential of the caller the entered secrets, in place. */
  replace(
    tx: Tx,
    row: CredentialTable,
    target: Pick<StoreTarget, 'signIn' | 'destination' | 'caller'>,
    entered: EnteredCredential,
  ): Promise<void>;
  /**
   * The secrets of the caller's own embedded credential, for a copy of its connection. An interactive grant is not copied:
   * two holders of one refresh token would end it for both. The copy needs a sign-in of its own.
   */
  copyOwn(caller: Caller, credential: CredentialTable | undefined): Promise<EnteredCredential | undefined>;
}

export function createCredentialEntry(deps: CredentialEntryDependencies): CredentialEntry {
  const { clients, signIns } = deps;
  return {
    isPresent: (split) => Object.keys(split.credential).length > 0 || split.choice.authCode !== undefined,

    async begin(request) {
      const { signIn } = request.split;
      if (!isInteractive(signIn.oauth)) {
        throw new InvalidRequest([
          {
            field: 'authUrlOnly',
            message: `is not used for sign-in by ${signIn.label}, which has no sign-in page. Send the credential in connectionProperties`,
          },
        ]);
      }
      return toldCoarselyOf(deps, request, () => signIns.begin(signInRequestOf(request, clients)));
    },

    beginsAtOwnersHost(request) {
      if (!isOwnersChoice(request, clients)) return false;
      const { preset } = configurationOf(request, clients);
      const isDevice = request.split.signIn.oauth?.grant === 'device_code';
      const isPushed = preset.pushedAuthorizationRequestEndpoint !== undefined;
      return isDevice || preset.tokenEndpoint === '' || preset.issuer !== undefined || isPushed;
    },

    complete: (request) => toldCoarselyOf(deps, request, () => completeEntry(deps, request)),
    store: (tx, target, entered) => insertEntered(deps, tx, target, entered),
    replace: (tx, row, target, entered) => replaceEntered(deps, tx, row, { target, entered }),
    copyOwn: (caller, credential) => copyOwn(deps, caller, credential),
  };
}

/** Tells a failure of the work coarsely if the request wants that and the owner chose the provider. */
async function toldCoarselyOf<Result>(
  { clients }: Pick<CredentialEntryDependencies, 'clients'>,
  request: EntryRequest,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const { toldCoarsely } = request;
    if (!toldCoarsely || error instanceof InvalidRequest || !isOwnersChoice(request, clients)) throw error;
    throw await toldCoarsely(error);
  }
}
