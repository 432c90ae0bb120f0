import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { HostKey } from '../../interface/endpoint.js';
import { ConnectorError } from '../../interface/errors.js';
import { line, property } from '../../interface/fields.js';
import type { PropertyProblem } from '../../interface/property-problem.js';

// The key by which a server is recognized, before anything of a login is sent to it.

/** Host key algorithms by the type of key that they prove, without those that sign SHA-1 (RFC 8332, RFC 8709). */
const algorithmsOf = {
  ED25519: ['ssh-ed25519'],
  ECDSA: ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  RSA: ['rsa-sha2-512', 'rsa-sha2-256'],
} as const;

export type HostKeyType = keyof typeof algorithmsOf;
export type HostKeyAlgorithm = (typeof algorithmsOf)[HostKeyType][number];

const types = Object.keys(algorithmsOf) as HostKeyType[];

/** A host key as it was shown by a server. */
export interface FoundHostKey {
  /** Format of the key, for instance `ssh-ed25519`. */
  algorithm: string;
  /** `SHA256:` and base64, as `ssh-keygen -l` prints it. */
  sha256: string;
}

/** The first string of a key in the format of RFC 4253 section 6.6. */
function formatOf(blob: Buffer): string {
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0;
  return length <= 64 && blob.length >= 4 + length ? blob.toString('latin1', 4, 4 + length) : '';
}

const typeOfFormat = (format: string): HostKeyType | undefined => {
  if (format === 'ssh-rsa') return 'RSA';
  return types.find((type) => (algorithmsOf[type] as readonly string[]).includes(format));
};

export const foundHostKey = (blob: Buffer): FoundHostKey => ({
  algorithm: formatOf(blob),
  sha256: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`,
});

/**
 * The key in a text: `ssh-ed25519 AAAA…`, with a host or options before and a comment after it, or `AAAA…` alone.
 * @returns undefined if it holds no key of a known type
 */
function blobIn(text: string): Buffer | undefined {
  for (const word of text.trim().split(/\s+/)) {
    if (!/^AAAA[A-Za-z0-9+/]+={0,2}$/.test(word)) continue;
    const blob = Buffer.from(word, 'base64');
    if (typeOfFormat(formatOf(blob))) return blob;
  }
  return undefined;
}

const fingerprintPattern = /^SHA256:[A-Za-z0-9+/]{43}=?$/;

/** Properties that pin a host key, with the names that Qlik's SFTP connector has for them. */
export const hostKeyProperties = {
  publicKeyAlgorithm: property(z.enum(['RSA', 'ECDSA', 'ED25519']).optional(), {
    title: 'Type of host key',
    description:
      'Type of the host key that the server is asked for. Needed with a fingerprint if the server has several keys; publicKey has a type of its own. It trusts no key: publicKey or publicKeyFingerprint does.',
    decides: 'nothing',
  }),
  publicKey: property(
    line(8192)
      .refine((text) => blobIn(text) !== undefined, 'must be a public key such as ssh-ed25519 AAAA…')
      .optional(),
    {
      title: 'Host key',
      description:
        'Public key of the server, as ssh-keyscan prints it. Connections to a server with another key are refused.',
      placeholder: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5…',
      decides: 'value',
    },
  ),
  publicKeyFingerprint: property(
    line(64)
      .regex(fingerprintPattern, 'must be a fingerprint such as SHA256:…, as ssh-keygen -l prints it')
      .optional(),
    {
      title: 'Fingerprint of the host key',
      description:
        'SHA-256 fingerprint of the public key of the server, instead of the key. Without either, the test of the connection fails and shows the fingerprint that it found, to be compared with what the server’s administrator says.',
      placeholder: 'SHA256:…',
      decides: 'value',
    },
  ),
};

/** The properties above as a connector receives them. */
export interface HostKeyPin {
  publicKeyAlgorithm?: HostKeyType | undefined;
  publicKey?: string | undefined;
  publicKeyFingerprint?: string | undefined;
}

/** A fingerprint that is not the key's, or a type that is not. */
export function hostKeyConflicts(pin: HostKeyPin): PropertyProblem[] {
  const blob = pin.publicKey === undefined ? undefined : blobIn(pin.publicKey);
  if (!blob) return [];
  const { publicKeyAlgorithm: type, publicKeyFingerprint: print } = pin;
  const problems: PropertyProblem[] = [];
  if (print !== undefined && print.replace(/=$/, '') !== foundHostKey(blob).sha256)
    problems.push({ property: 'publicKeyFingerprint', message: 'is not the fingerprint of publicKey' });
  if (type !== undefined && typeOfFormat(formatOf(blob)) !== type)
    problems.push({ property: 'publicKeyAlgorithm', message: 'is not the type of publicKey' });
  return problems;
}

/** What an endpoint trusts by these properties; undefined if nothing is pinned. */
export function hostKeyOf({
  publicKey,
  publicKeyFingerprint: sha256,
  publicKeyAlgorithm: type,
}: HostKeyPin): HostKey | undefined {
  if (publicKey !== undefined) return { key: publicKey };
  return sha256 === undefined ? undefined : { sha256, ...(type ? { type } : {}) };
}

/** The algorithms to offer, so that a server with several keys shows the pinned one. */
export function offeredFor(pin: HostKey | undefined): HostKeyAlgorithm[] {
  if (pin === undefined) return types.flatMap((type) => algorithmsOf[type]);
  if ('sha256' in pin) return (pin.type ? [pin.type] : types).flatMap((type) => algorithmsOf[type]);
  const type = typeOfFormat(formatOf(blobIn(pin.key) ?? Buffer.alloc(0)));
  return type ? [...algorithmsOf[type]] : [];
}

const same = (left: Buffer, right: Buffer) => left.length === right.length && timingSafeEqual(left, right);

/** Why a shown key is not trusted; undefined if it is the pinned one. Tells the fingerprint, so that users can compare it. */
export function hostKeyRefusal(pin: HostKey | undefined, blob: Buffer): ConnectorError | undefined {
  const { algorithm, sha256 } = foundHostKey(blob);
  const found = `${sha256} (${typeOfFormat(algorithm) ?? 'unknown type'})`;
  if (pin === undefined) {
    return new ConnectorError('host_key_refused', `The server’s host key is not confirmed yet: ${found}.`, {
      remedy: `Compare it with the fingerprint that the server’s administrator gives you; if it is the same, set it as the fingerprint of the host key.`,
    });
  }
  const isPinned =
    'sha256' in pin
      ? pin.sha256.replace(/=$/, '') === sha256
      : same(blobIn(pin.key) ?? Buffer.alloc(0), blob);
  if (isPinned) return undefined;
  return new ConnectorError(
    'host_key_refused',
    `The server has another host key than the pinned one: ${found}.`,
    {
      remedy:
        'Someone may be intercepting the connection. Change the pinned key only after the server’s administrator has confirmed the new one. If the server has several keys, pin this one, or set the type of the pinned one.',
    },
  );
}
