import { Socket } from 'node:net';

/** The pipe to the process that started this one, which is no way out. */
export const openPipe = (fd: number): Socket => new Socket({ fd, readable: true, writable: true });
