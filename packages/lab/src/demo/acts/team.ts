import { textAt } from '../expectations.js';
import type { Stage } from '../stage.js';
import type { Person, Step, Walk } from '../walk.js';

/** Two people who share a space; the space is Alice's. */
export interface Team {
  alice: Person;
  bob: Person;
  spaceId: string;
}

async function addPerson(step: Step, administrator: Person, name: string): Promise<string> {
  const body = { subject: name.toLowerCase(), name };
  const show = ['id', 'name', 'status', 'roles'];
  const answer = await step.call(administrator, 'POST /api/v1/users', { status: 201, body, show });
  return textAt(answer.body, 'id');
}

async function giveKey(step: Step, administrator: Person, name: string, userId: string): Promise<Person> {
  const answer = await step.call(administrator, 'POST /api/v1/api-keys', {
    status: 201,
    body: { description: `Key of ${name}`, sub: userId },
    show: ['id', 'sub', 'expiry', 'token'],
    hide: ['token'],
  });
  return { name, key: textAt(answer.body, 'token') };
}

/** The administrator lets two people in, and one of them makes a space for both. */
export async function makeTeam(walk: Walk, { administrator, secrets }: Stage): Promise<Team> {
  const ids = await walk.step(
    'The administrator adds Alice and Bob',
    'both are people of this Mooring',
    async (step) => ({
      alice: await addPerson(step, administrator, 'Alice'),
      bob: await addPerson(step, administrator, 'Bob'),
    }),
  );
  const people = await walk.step(
    'Each gets an API key',
    'shown once; Mooring keeps its hash only',
    async (step) => ({
      alice: await giveKey(step, administrator, 'Alice', ids.alice),
      bob: await giveKey(step, administrator, 'Bob', ids.bob),
    }),
  );
  for (const { key } of Object.values(people)) secrets.entrust(key);
  const spaceId = await walk.step(
    'Alice shares a space with Bob',
    'Bob may use what is in it, not change it',
    async (step) => {
      const space = await step.call(people.alice, 'POST /api/v1/spaces', {
        status: 201,
        body: { name: 'Sales', type: 'shared' },
        show: ['id', 'name', 'type', 'ownerId'],
      });
      const id = textAt(space.body, 'id');
      await step.call(people.alice, `POST /api/v1/spaces/${id}/assignments`, {
        status: 201,
        body: { type: 'user', assigneeId: ids.bob, roles: ['dataconsumer'] },
        show: ['assigneeId', 'roles', 'spaceId'],
      });
      return id;
    },
  );
  return { ...people, spaceId };
}
