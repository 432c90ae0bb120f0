import { AppError } from '../errors/app-error.js';
import { isAdministratorOf, type Person } from './matrix.js';

export const isTenantAdministrator = (person: Person): boolean => isAdministratorOf(person, 'personal');

/**
 * @param action what only they may do, for instance `invite users`
 * @throws AppError ACCESS-DENIED
 */
export function assertTenantAdministrator(person: Person, action: string): void {
  if (isTenantAdministrator(person)) return;
  throw new AppError('ACCESS-DENIED', `Only tenant administrators may ${action}.`);
}
