import type { BoundRoute } from '../../http/handler.js';
import { assign, listAssigned, reassign, showAssignment, unassign } from './assignment-operations.js';
import { createSpaceAccess, type SpacesDependencies } from './space-access.js';
import {
  editSpace,
  listTypes,
  listVisibleSpaces,
  makeSpace,
  removeSpace,
  replaceSpace,
  showSpace,
} from './space-operations.js';

/** Spaces, and the roles that users have in them. */
export function createSpacesFeature(given: SpacesDependencies): BoundRoute[] {
  const deps = { ...given, access: createSpaceAccess(given.store, given.publicUrl) };
  return [
    ...[listVisibleSpaces, listTypes, makeSpace, showSpace, replaceSpace, editSpace, removeSpace],
    ...[listAssigned, assign, showAssignment, reassign, unassign],
  ].map((operation) => operation(deps));
}
