import { textAt } from '../expectations.js';
import type { Stage } from '../stage.js';
import type { Step, User, Walk } from '../walk.js';

/** Two users who share a space, which Alice owns. */
export interface Team {
  alice: User;
  bob: User;
  spaceId: string;
}

interface Invited {
  userId: string;
  token: string;
}

async function invite(step: Step, administrator: User, name: string): Promise<Invited> {
  const answer = await step.call(administrator, 'POST /api/v1/invitations', {
    status: 201,
    body: { name, subject: name.toLowerCase() },
    show: ['userId', 'url', 'expiresAt'],
    hide: ['token'],
  });
  return { userId: textAt(answer.body, 'userId'), token: textAt(answer.body, 'token') };
}

async function redeem(step: Step, name: string, { token }: Invited): Promise<User> {
  const answer = await step.call({ name }, 'POST /api/v1/invitations/actions/redeem', {
    status: 201,
    body: { token, description: `Key of ${name}` },
    show: ['user.name', 'apiKey.token', 'apiKey.expiry'],
    hide: ['apiKey.token'],
  });
  return { name, key: textAt(answer.body, 'apiKey.token') };
}

/** The administrator invites two users, and one of them creates a space for both. */
export async function makeTeam(walk: Walk, { administrator, secrets }: Stage): Promise<Team> {
  const invited = await walk.step(
    'The administrator invites Alice and Bob',
    'one link each, valid once and for one day',
    async (step) => ({
      alice: await invite(step, administrator, 'Alice'),
      bob: await invite(step, administrator, 'Bob'),
    }),
  );
  const users = await walk.step(
    'Each creates an API key with it',
    'shown once; the administrator never sees it',
    async (step) => ({
      alice: await redeem(step, 'Alice', invited.alice),
      bob: await redeem(step, 'Bob', invited.bob),
    }),
  );
  for (const { key } of Object.values(users)) secrets.entrust(key);
  const spaceId = await walk.step(
    'Alice shares a space with Bob',
    'Bob may use its connections, not change them',
    async (step) => {
      const space = await step.call(users.alice, 'POST /api/v1/spaces', {
        status: 201,
        body: { name: 'Sales', type: 'shared' },
        show: ['id', 'name', 'type', 'ownerId'],
      });
      const id = textAt(space.body, 'id');
      await step.call(users.alice, `POST /api/v1/spaces/${id}/assignments`, {
        status: 201,
        body: { type: 'user', assigneeId: invited.bob.userId, roles: ['dataconsumer'] },
        show: ['assigneeId', 'roles', 'spaceId'],
      });
      return id;
    },
  );
  return { ...users, spaceId };
}
