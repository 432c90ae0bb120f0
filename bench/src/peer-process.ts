import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A bare counterpart in a separate process; see `peers/`. */
export interface Peer {
  pid: number;
  /** Sends a question and waits for the answer. One question at a time. */
  ask<Answer>(question?: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts `peers/<name>` and waits for its ready message. */
export async function startPeer(name: string, task: object): Promise<Peer & { ready: unknown }> {
  const file = fileURLToPath(new URL(`./peers/${name}.js`, import.meta.url));
  const child = fork(file, [JSON.stringify(task)]);
  const ended = once(child, 'exit');
  const answer = async () => {
    const failed = ended.then(() => {
      throw new Error(`the peer ${name} ended early`);
    });
    const [message] = (await Promise.race([once(child, 'message'), failed])) as [unknown];
    return message;
  };
  const ready = await answer();
  return {
    pid: child.pid ?? 0,
    ready,
    async ask<Answer>(question: object = {}) {
      const answered = answer();
      child.send(question);
      return (await answered) as Answer;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
