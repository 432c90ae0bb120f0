import { AppError } from '../errors/app-error.js';
import { isAdministratorOf, type Subject } from './matrix.js';

export const isTenantAdministrator = (subject: Subject): boolean => isAdministratorOf(subject, 'personal');

/**
 * @param action what only they may do, for instance `invite users`
 * @throws AppError ACCESS-DENIED
 */
export function assertTenantAdministrator(subject: Subject, action: string): void {
  if (isTenantAdministrator(subject)) return;
  throw new AppError('ACCESS-DENIED', `Only tenant administrators may ${action}.`);
}
