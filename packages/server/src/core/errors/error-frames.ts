/**
 * Where an error was made, without its words: they may repeat a login, and what a source sends can be made to look
 * like a line of a stack. None for an error whose words were changed after it was made.
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
