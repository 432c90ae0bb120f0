/** Runs the tasks in their order, so many at a time. @returns what they returned, in the order of their ends */
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
