import { getSystemErrorMap } from 'node:util';

const systemWords = new Map(getSystemErrorMap().values());

/** What went wrong, in one line for whoever gave the command. */
export function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const words = systemWords.get(code ?? '');
  if (syscall === undefined || words === undefined) return error.message;
  return `${path ?? syscall}: ${words} (${code}).`;
}
