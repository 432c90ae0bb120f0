import { describe, expect, it } from 'vitest';
import { renewalCase } from './__fixtures__/renewal-case.js';

describe('signing in again with a pasted code of another account', () => {
  const { given, walk, use, signInOf, paste, choose, namesNoAccount, credentialOf } = renewalCase();

  it('O06: only the user who began chooses, for another account whose code they pasted', async () => {
    const { authUrl, poll, signInId } = signInOf(await use());
    expect((await paste(await walk(authUrl, 'bob'))).status).toBe(409);
    expect((await given.alice.api.get(poll)).body).toMatchObject({
      state: 'needs_choice',
      account: { remembered: 'al…@lab.example', signedIn: 'bo…@lab.example' },
      choices: ['replace', 'add', 'cancel'],
    });
    expect((await use()).status).toBe(403);
    expect((await choose(signInId, 'replace', given.owner)).status).toBe(404);
    given.lab.resetCounts();
    expect((await choose(signInId, 'cancel')).body.state).toBe('failed');
    await expect.poll(() => given.lab.counts().revocation).toBe(1);
    expect((await choose(signInId, 'replace')).status).toBe(400);
    expect((await use()).status).toBe(403);
  });

  it('replaces the account when its user chooses that', async () => {
    const { authUrl, signInId } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const before = await credentialOf();
    const chosen = await choose(signInId, 'replace');
    expect([chosen.status, chosen.body.state]).toEqual([200, 'completed']);
    expect((await credentialOf()).credentialId).toBe(before.credentialId);
    expect((await use()).body.rows[0][0]).toContain('bob');
  });

  it('adds the account next to the old one when its user chooses that', async () => {
    const { authUrl, signInId } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const before = await credentialOf();
    const chosen = await choose(signInId, 'add');
    expect(chosen.status, chosen.text).toBe(200);
    const after = await credentialOf();
    expect(after.credentialId).not.toBe(before.credentialId);
    expect(after.credentialsName).toBe('mine (2)');
    expect((await use()).body.rows[0][0]).toContain('bob');
    expect((await given.alice.api.get(`/api/v1/data-credentials/${before.credentialId}`)).status).toBe(200);
  });

  it('adds an account under a name that the user does not have, however it is written', async () => {
    const long = `né ${'n'.repeat(253)}`;
    const { credentialId } = await credentialOf();
    await given.alice.api.patch(`/api/v1/data-credentials/${credentialId}`, [
      { op: 'replace', path: '/qName', value: long },
    ]);
    const { authUrl, signInId } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const taken = { credentialsName: long.normalize('NFD') };
    expect((await choose(signInId, 'add', given.alice, taken)).status).toBe(409);
    const chosen = await choose(signInId, 'add');
    expect(chosen.status, chosen.text).toBe(200);
    expect((await credentialOf()).credentialsName).toBe(`${long.slice(0, 248)} (2)`);
  });

  it('LI12: asks the user who began if the provider does not name the account of a pasted code', async () => {
    const { authUrl, signInId } = signInOf(await use());
    const page = await walk(authUrl);
    given.lab.switches.tokenNext = [namesNoAccount()];
    const asked = await paste(page);
    expect([asked.status, asked.body.errors[0].code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
    expect(asked.body.errors[0].meta).toMatchObject({ signInId, remembered: 'al…@lab.example' });
    expect(asked.body.errors[0].meta).not.toHaveProperty('signedIn');
    expect((await credentialOf()).state).toBe('needs_sign_in');
    expect((await choose(signInId, 'replace')).status).toBe(200);
    expect((await credentialOf()).state).toBe('ready');

    // Nothing is known of the account that it has now, so the next one needs a choice too.
    const begun = await given.alice.api.put(`${given.path}/credential`, { authUrlOnly: true });
    const again = await paste(await walk(begun.body.authUrl));
    expect(again.status, again.text).toBe(409);
    expect(again.body.errors[0].meta).toMatchObject({ signedIn: 'al…@lab.example' });
    expect((await choose(begun.body.signInId, 'replace')).status).toBe(200);
    expect((await use()).body.rows[0][0]).toContain('alice');
  });

  it('never replaces the account silently where a code is pasted', async () => {
    const { authUrl } = signInOf(await use());
    const page = await walk(authUrl, 'bob');
    const refused = await paste(page);
    expect([refused.status, refused.body.errors[0].code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
    expect(refused.body.errors[0].meta).toMatchObject({
      remembered: 'al…@lab.example',
      signedIn: 'bo…@lab.example',
      choices: ['replace', 'add', 'cancel'],
    });
    expect((await paste(page)).status).toBe(409);
    expect(given.lab.counts().token.authorization_code).toBe(1);
    expect((await use()).status).toBe(403);
    expect(
      (await given.alice.api.post(refused.body.errors[0].meta.choose, { choice: 'replace' })).status,
    ).toBe(200);
    expect((await use()).body.rows[0][0]).toContain('bob');
  });

  it('LI4: ends a grant that waits for a choice together with the credential that it was for', async () => {
    const { authUrl, signInId, poll } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const { credentialId } = await credentialOf();
    await given.alice.api.delete(`/api/v1/data-credentials/${credentialId}`);
    await expect.poll(() => given.lab.counts().revocation).toBe(2);
    expect((await given.alice.api.get(poll)).body).toMatchObject({ state: 'failed', error: 'ended' });
    expect((await choose(signInId, 'replace')).status).toBe(400);
  });

  it('O06: a grant whose account its user did not choose in time is not kept, and revoked at its provider', async () => {
    const { authUrl, signInId, poll } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    given.lab.resetCounts();
    const past = '2026-01-01T00:00:00.000Z';
    await given.server.sql(`update sign_in set expires_at = '${past}' where id = '${signInId}'`);
    const late = await choose(signInId, 'replace');
    expect([late.status, late.body.errors[0].code]).toEqual([400, 'SIGN-IN-INVALID']);
    await given.server.restart();
    await expect.poll(() => given.lab.counts().revocation).toBe(1);
    expect((await given.alice.api.get(poll)).body.state).toBe('expired');
    expect((await use()).status).toBe(403);
  });

  it('keeps a grant or revokes it, never both, when two choices arrive at once', async () => {
    for (const choices of [
      ['replace', 'cancel'],
      ['cancel', 'replace'],
    ]) {
      const { authUrl, signInId } = signInOf(await use());
      await paste(await walk(authUrl, 'bob'));
      given.lab.resetCounts();
      const answers = await Promise.all(choices.map((choice) => choose(signInId, choice)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      const isKept = answers[choices.indexOf('replace')]?.status === 200;
      expect((await use()).status).toBe(isKept ? 200 : 403);
      if (!isKept) await expect.poll(() => given.lab.counts().revocation).toBe(1);
      expect(given.lab.counts().revocation).toBe(isKept ? 0 : 1);
      if (isKept) return;
    }
  });
});
