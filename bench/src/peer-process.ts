import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A bare counterpart in a process of its own; see `peers/`. */
export interface Peer {
  pid: number;
  /** Asks it for something and waits for the answer. One question at a time. */
  ask<Answer>(question?: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts `peers/<name>` and waits for its first message, which says that it is ready. */
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
