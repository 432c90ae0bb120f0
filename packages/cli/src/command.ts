import { getSystemErrorMap } from 'node:util';
import { version } from '@mooring/contract/version';
import { Option } from 'commander';

export type Print = (line: string) => void;

export const printLine: Print = (line) => process.stdout.write(`${line}\n`);

const systemMessages = new Map(getSystemErrorMap().values());

/** One line for the user of the command. System errors get Node's description, the path and the code. */
function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const message = systemMessages.get(code ?? '');
  if (syscall === undefined || message === undefined) return error.message;
  return `${path ?? syscall}: ${message} (${code}).`;
}

/** Wraps an action: an error is printed in one line and exits with code 1. */
export const reporting =
  <Given extends unknown[]>(act: (...given: Given) => Promise<void>) =>
  async (...given: Given): Promise<void> => {
    try {
      await act(...given);
    } catch (error) {
      process.stderr.write(`mooring: ${errorLine(error)}\n`);
      process.exit(1);
    }
  };

/** Exit code 2 says that the command has run, but not everything is as it should be. */
export function exitWith(isComplete: boolean): void {
  process.exitCode = isComplete ? 0 : 2;
}

export const dataOption = () => new Option('--data <folder>', 'data folder (MOORING_DATA, ./mooring-data)');

/** Loads a part of `@mooring/lab`, which is published apart: a production server needs no stand-ins. */
export async function loadLab<Part>(command: string, load: () => Promise<Part>): Promise<Part> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      `\`mooring ${command}\` needs the package @mooring/lab ${version}, which is not installed. Install it beside mooring: npm install @mooring/lab@${version}`,
    );
  }
}
