/**
 * The stack frames of an error, without its message: a message may repeat a login, and a source could send text that
 * looks like a stack frame. Empty for an error whose message was changed after it was created.
 */
export function framesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { stack = '', message } = error;
  const [name = ''] = /^[\w$.[\] -]*(?:: )?/.exec(stack) ?? [];
  const rest = stack.slice(name.length + message.length);
  if (!stack.startsWith(message, name.length) || !/^(\n|$)/.test(rest)) return [];
  return rest
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
}
