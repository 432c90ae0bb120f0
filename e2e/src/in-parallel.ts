/** Runs the tasks in order with limited concurrency. @returns their results in order of completion */
export async function inParallel<Result>(
  concurrency: number,
  tasks: readonly (() => Promise<Result>)[],
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = tasks.values();
  const worker = async () => {
    for (const task of queue) results.push(await task());
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}
