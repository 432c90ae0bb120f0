import { z } from 'zod';
import { fileOptionsProperty } from '../../families/files/properties.js';
import { line, property } from '../../interface/fields.js';
import type { InputOf } from '../../interface/source.js';
import { hostProperty, portSchema } from '../../kit/host.js';
import { hostKeyProperties } from '../../kit/ssh/host-key.js';
import { sshLogin } from '../../kit/ssh/login.js';

/** Qlik's properties, then ours. */
export const properties = z.strictObject({
  host: hostProperty,
  sftpPort: property(portSchema.default(22), {
    title: 'Port',
    description: 'Port of the SSH server. Default: 22.',
    decides: 'value',
  }),
  ...hostKeyProperties,
  folder: property(line(1024).min(1).optional(), {
    title: 'Folder',
    description:
      'Folder to which paths are relative, for instance / or /srv/data. Default: the folder in which the server starts a session, usually the user’s own.',
    decides: 'nothing',
  }),
  file: fileOptionsProperty,
});

export const logins = { ssh: sshLogin };

export const settings = z.strictObject({});

export type Input = InputOf<typeof properties, typeof logins, typeof settings>;
