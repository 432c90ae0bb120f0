// SFTP 3 over `ssh2`. Source: draft-ietf-secsh-filexfer-02.
import type { SFTPWrapper, Stats } from 'ssh2';
import type { SshConnection } from '../../kit/ssh/connection.js';
import { SshFailure } from '../../kit/ssh/errors.js';

/** The status of SFTP for the end of a file or a list. */
const END_OF_FILE = 1;

export interface Entry {
  filename: string;
  attrs: Stats;
}

/** Requests as promises. They reject with the driver's errors, whose `code` is SFTP's status. */
export interface SftpClient {
  /** Follows links. */
  stat(path: string): Promise<Stats>;
  /** A folder, in parts as the server sends them, without `.` and `..`. */
  entries(path: string): AsyncGenerator<readonly Entry[], void, undefined>;
  /** For reading. */
  open(path: string): Promise<SftpHandle>;
}

export interface SftpHandle {
  /** Bytes from a position on: fewer than asked for only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  /** Never fails. */
  close(): void;
}

const isEnd = (error: unknown) => (error as { code?: unknown }).code === END_OF_FILE;

export async function openSftp({ client, request, fail }: SshConnection): Promise<SftpClient> {
  const sftp = await request<SFTPWrapper>((done) => client.sftp(done)).catch((error: unknown) => {
    const { message = '' } = error as Error;
    throw /Unable to start subsystem|while establishing SFTP|Channel open failure/.test(message)
      ? new SshFailure('SSH_NO_SFTP', error)
      : error;
  });
  sftp.on('error', (error: unknown) => fail(new SshFailure('SSH_PROTOCOL', error)));
  // The driver would keep further requests for a channel that never opens again.
  sftp.on('close', () => fail(new SshFailure('SSH_CLOSED')));
  const closeHandle = (handle: Buffer) =>
    void request<void>((done) => sftp.close(handle, (error) => done(error, undefined))).catch(
      () => undefined,
    );

  async function fill(handle: Buffer, position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const at = filled;
      const read = await request<number>((done) =>
        sftp.read(handle, bytes, at, length - at, position + at, (error, count) => done(error, count)),
      );
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  }

  return {
    stat: (path) => request((done) => sftp.stat(path, done)),
    async *entries(path) {
      const handle = await request<Buffer>((done) => sftp.opendir(path, done));
      try {
        for (;;) {
          const part = await request<Entry[]>((done) => sftp.readdir(handle as never, done as never));
          yield part;
        }
      } catch (error) {
        if (!isEnd(error)) throw error;
      } finally {
        closeHandle(handle);
      }
    },
    async open(path) {
      const handle = await request<Buffer>((done) => sftp.open(path, 'r', done));
      return {
        read: (position, length) => fill(handle, position, length),
        close: () => closeHandle(handle),
      };
    },
  };
}
