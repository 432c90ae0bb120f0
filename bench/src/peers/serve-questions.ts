/** The task of this process. */
export function taskOf<Task>(): Task {
  return JSON.parse(process.argv[2] ?? '{}') as Task;
}

/** Reports ready, then answers each question with the result of `work`. */
export function serveQuestions(work: (question: unknown) => Promise<object>, ready: object = {}): void {
  process.on('message', (question) => {
    void work(question).then((answer) => process.send?.(answer));
  });
  // A peer must not outlive the benchmarks.
  process.on('disconnect', () => process.exit(0));
  process.send?.(ready);
}
