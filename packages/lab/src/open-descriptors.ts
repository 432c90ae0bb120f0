import { readdirSync, readFileSync } from 'node:fs';

/**
 * File descriptors that a server process has open, but for the connections of its clients: how many those are is up to
 * them. Linux only; source of the columns: proc_net(5).
 * @param url where it listens
 */
export function openDescriptors({ pid, url }: { pid: number; url: string }): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
  const ofClients = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${port}`) && state === '01');
  return readdirSync(`/proc/${pid}/fd`).length - ofClients.length;
}
