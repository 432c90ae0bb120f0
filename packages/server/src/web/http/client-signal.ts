import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Fires when the client closes its connection before the answer is complete. */
export function clientSignal(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const socket: Socket = request.raw.socket;
  const abort = () => {
    if (!reply.raw.writableFinished) controller.abort();
  };
  if (socket.destroyed) controller.abort();
  socket.once('close', abort);
  reply.raw.once('close', () => {
    socket.off('close', abort);
    abort();
  });
  return controller.signal;
}
