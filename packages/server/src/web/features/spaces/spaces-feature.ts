import {
  createAssignment,
  deleteAssignment,
  getAssignment,
  listAssignments,
  putAssignment,
} from '@mooring/contract/routes/assignments';
import {
  createSpace,
  deleteSpace,
  getSpace,
  listSpaces,
  listSpaceTypes,
  patchSpace,
  spaceTypeSchema,
  updateSpace,
} from '@mooring/contract/routes/spaces';
import type { Quotas } from '../../../core/rates/quotas.js';
import type { Store } from '../../../core/store/store.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { unconditional } from '../../http/revision.js';
import { assign, presentAssignment, reassign, unassign, unknownAssignment } from './assignment-changes.js';
import { createSpaceAccess } from './space-access.js';
import { editSpace, makeSpace, removeSpace, replaceSpace } from './space-changes.js';
import { listAssigned, listVisibleSpaces } from './space-lists.js';
import { assignmentOf } from './space-store.js';

export interface SpacesDependencies {
  store: Store;
  quotas: Pick<Quotas, 'assertSpace'>;
  publicUrl: () => string;
}

/** Spaces, and the roles that users have in them. */
export function createSpacesFeature({ store, quotas, publicUrl }: SpacesDependencies): BoundRoute[] {
  const access = createSpaceAccess(store, publicUrl);
  const deps = { store, publicUrl, access };
  return [
    bind(listSpaces, listVisibleSpaces(deps)),
    bind(listSpaceTypes, async () => ({ status: 200, body: { data: [...spaceTypeSchema.options] } })),
    bind(createSpace, makeSpace(deps, quotas)),
    bind(getSpace, async ({ params }, { caller, revision }) => ({
      status: 200,
      body: await access.present(caller, await access.find(caller, params.spaceId, revision)),
    })),
    bind(updateSpace, replaceSpace(deps)),
    bind(patchSpace, editSpace(deps)),
    bind(deleteSpace, removeSpace(deps)),
    bind(listAssignments, listAssigned(deps)),
    bind(createAssignment, assign(deps)),
    bind(getAssignment, async ({ params }, { caller }) => {
      const space = await access.find(caller, params.spaceId, unconditional);
      const row = await assignmentOf(store.db, space.id, params.assignmentId.toLowerCase());
      if (!row) throw unknownAssignment();
      return { status: 200, body: presentAssignment(row, access.spaceUrl(row.space_id)) };
    }),
    bind(putAssignment, reassign(deps)),
    bind(deleteAssignment, unassign(deps)),
  ];
}
