import { describe, expect, it } from 'vitest';
import { type ConnectionFacts, decide } from './matrix.js';

const all = ['change_owner', 'change_space', 'delete', 'list', 'read', 'update'];
const space = (type: 'shared' | 'managed' | 'data', ...roles: string[]): ConnectionFacts['space'] => ({
  type,
  ownerId: 'space-owner',
  rolesOfCaller: roles as never,
});
const person = (userId: string, ...roles: string[]) => ({ userId, roles });

describe('who may do what to a connection', () => {
  it.each([
    // what, user, connection owner, space, privileges, may use
    [
      'a user in their personal space',
      person('me'),
      'me',
      undefined,
      ['change_space', 'delete', 'list', 'read', 'update'],
      true,
    ],
    ["another user's personal space", person('me'), 'other', undefined, [], false],
    ['a stranger to the space', person('me'), 'other', space('shared'), [], false],
    [
      'a shared-space owner',
      person('space-owner'),
      'other',
      space('shared'),
      ['delete', 'list', 'read'],
      true,
    ],
    [
      'a facilitator',
      person('me'),
      'other',
      space('shared', 'facilitator'),
      ['delete', 'list', 'read'],
      true,
    ],
    [
      'a producer with their own',
      person('me'),
      'me',
      space('shared', 'producer'),
      ['change_space', 'delete', 'list', 'read', 'update'],
      true,
    ],
    [
      "a producer with another user's",
      person('me'),
      'other',
      space('shared', 'producer'),
      ['list', 'read'],
      true,
    ],
    ['a codeveloper', person('me'), 'other', space('shared', 'codeveloper'), ['list', 'read'], true],
    ['a data consumer', person('me'), 'other', space('shared', 'dataconsumer'), ['list', 'read'], true],
    ['a viewer', person('me'), 'other', space('shared', 'consumer'), [], false],
    ['an owner who is only a viewer now', person('me'), 'me', space('shared', 'consumer'), [], false],
    [
      'a managed-space data consumer',
      person('me'),
      'other',
      space('managed', 'dataconsumer'),
      ['list', 'read'],
      true,
    ],
    ['a managed-space publisher', person('me'), 'other', space('managed', 'publisher'), [], false],
    [
      'a managed-space facilitator with their own',
      person('me'),
      'me',
      space('managed', 'facilitator'),
      ['change_space', 'delete', 'list', 'read', 'update'],
      true,
    ],
    ['a data-space producer', person('me'), 'me', space('data', 'producer'), ['list', 'read'], true],
    ['a data-space previewer', person('me'), 'other', space('data', 'datapreview'), [], false],
    [
      'two roles of which the higher wins',
      person('me'),
      'other',
      space('shared', 'consumer', 'facilitator'),
      ['delete', 'list', 'read'],
      true,
    ],
    [
      'a tenant administrator outside the space',
      person('me', 'TenantAdmin'),
      'other',
      space('shared'),
      all,
      false,
    ],
    ['a tenant administrator, personal space', person('me', 'TenantAdmin'), 'other', undefined, all, false],
    [
      'an analytics administrator, managed',
      person('me', 'AnalyticsAdmin'),
      'other',
      space('managed'),
      all,
      false,
    ],
    ['an analytics administrator, data', person('me', 'AnalyticsAdmin'), 'other', space('data'), [], false],
    ['an analytics administrator, personal', person('me', 'AnalyticsAdmin'), 'other', undefined, [], false],
    ['a data administrator, data', person('me', 'DataAdmin'), 'other', space('data'), all, false],
    ['an audit administrator', person('me', 'AuditAdmin'), 'other', space('shared'), [], false],
    ['an unknown role', person('me', 'Root'), 'other', space('shared', 'superuser'), [], false],
  ] as const)('X09: %s', (_what, who, ownerId, where, privileges, mayUse) => {
    const decision = decide(who, { ownerId, ...(where ? { space: where } : {}) });
    expect(decision).toEqual({ privileges: [...privileges], mayUse });
  });
});
