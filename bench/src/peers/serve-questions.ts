/** The task that the benchmark gave this process. */
export function taskOf<Task>(): Task {
  return JSON.parse(process.argv[2] ?? '{}') as Task;
}

/** Says that the peer is ready, then answers each question with what `work` returns. */
export function serveQuestions(work: (question: unknown) => Promise<object>, ready: object = {}): void {
  process.on('message', (question) => {
    void work(question).then((answer) => process.send?.(answer));
  });
  // A peer must not outlive the benchmarks, however they end.
  process.on('disconnect', () => process.exit(0));
  process.send?.(ready);
}
