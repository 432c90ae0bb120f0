// `mooring demo`: the documented flows end to end, on real servers of the lab and a fresh Mooring.
import { printInvitation, printSummary, printTrouble } from './ending.js';
import { createNarrator, type Narrator, type Output } from './narrator.js';
import { createSecretValues } from './secrets.js';
import type { Stage } from './stage.js';
import { tellStory } from './story.js';

export interface DemoOptions {
  /** Program and arguments that start Mooring's command line; `serve` and its flags are appended. */
  command: readonly string[];
  /** Stop everything after the walk instead of leaving it up until Ctrl-C. */
  exit?: boolean;
  /** The user at the keyboard completes the interactive sign-in in their own browser. */
  manual?: boolean;
  output: Output;
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const exitCodeOfInterrupt = 130;

/** Aborts at the first signal; further ones are ignored, because it is already stopping. */
function listenForStop() {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error('Interrupted'));
  for (const name of stopSignals) process.on(name, stop);
  return {
    signal: stopping.signal,
    release() {
      for (const name of stopSignals) process.removeListener(name, stop);
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Loads the lab without the line that oidc-provider prints when it is imported on Node 20, where it works all the
 * same: it would be the first thing that a newcomer reads.
 */
async function loadStage(): Promise<typeof import('./stage.js')> {
  const { warn } = console;
  console.warn = (text: string) => {
    if (!text.includes('Unsupported runtime')) warn(text);
  };
  try {
    return await import('./stage.js');
  } finally {
    console.warn = warn;
  }
}

/** @returns true when every step passed, and the server was still running until it was stopped. */
async function perform(
  stage: Stage,
  narrator: Narrator,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { mooring } = stage;
  const story = await tellStory({ stage, narrator, isManual: options.manual ?? false, signal });
  printSummary(narrator, story.records);
  const isOk = story.team !== undefined && story.records.every((record) => record.isOk);
  if (!isOk) printTrouble(narrator, mooring.log());
  if (options.exit) return isOk;
  printInvitation(narrator, stage, story);
  const isStillUp = await Promise.race([
    untilAborted(signal).then(() => true),
    mooring.ended.then(() => signal.aborted),
  ]);
  if (!isStillUp) {
    narrator.bad('Mooring exited unexpectedly.');
    printTrouble(narrator, mooring.log());
  }
  return isOk && isStillUp;
}

/**
 * Starts the lab and Mooring, walks through the flows and prints them, and ends everything it started.
 * @returns the exit code: 0 when every answer was as promised, 1 when not, 130 when interrupted before the end.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const secrets = createSecretValues();
  const narrator = createNarrator(options.output, secrets);
  const { signal, release } = listenForStop();
  narrator.heading('Mooring: connections defined once, shared in a space, used with your own credentials');
  narrator.line('Real servers on this machine: no account, no network, nothing to install.');
  narrator.line('→ request   ← answer   ✓ verified in the answers   ••• a secret\n');
  let stage: Stage | undefined;
  let isOk = false;
  let isWhole = false;
  try {
    const { openStage } = await loadStage();
    stage = await openStage({ command: options.command, narrator, secrets, signal });
    isOk = await perform(stage, narrator, options, signal);
    isWhole = true;
  } catch (error) {
    if (signal.aborted) narrator.line('\n  Interrupted before the end.');
    else narrator.bad(error instanceof Error ? error.message : String(error));
  }
  if (stage !== undefined) {
    const opened = stage;
    narrator.line();
    const code = await narrator.during(
      'Stopping Mooring and the lab, removing the data folder',
      opened.close,
    );
    if (code !== 0) narrator.bad(`Mooring stopped with exit code ${code}, expected 0.`);
    isOk &&= code === 0;
  }
  release();
  if (signal.aborted && !isWhole) return exitCodeOfInterrupt;
  return isOk ? 0 : 1;
}
