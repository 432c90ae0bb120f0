import { getSystemErrorMap } from 'node:util';

const systemMessages = new Map(getSystemErrorMap().values());

/** One line for the user of the command. System errors get Node's description, the path and the code. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const message = systemMessages.get(code ?? '');
  if (syscall === undefined || message === undefined) return error.message;
  return `${path ?? syscall}: ${message} (${code}).`;
}
