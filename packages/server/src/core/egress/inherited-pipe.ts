import { Socket } from 'node:net';

/** The pipe to the parent process, which does not lead to the network. */
export const openPipe = (fd: number): Socket => new Socket({ fd, readable: true, writable: true });
