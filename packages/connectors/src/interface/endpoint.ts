/**
 * The key by which an SSH server is recognized: `SHA256:` and base64 as OpenSSH prints it, with the type of key to ask
 * for, or a line of `known_hosts`.
 */
export type HostKey = { sha256: string; type?: 'RSA' | 'ECDSA' | 'ED25519' } | { key: string };

/** What a connection accepts as proof that an endpoint is the right one. */
export interface Trust {
  /** PEM certificates that replace the built-in authorities. */
  ca?: string;
  /** `full`: chain and host name. `chain`: chain only. `none`: encrypted, but anyone on the path can read along. */
  verify?: 'full' | 'chain' | 'none';
  /** Absent for an endpoint with SSH: it is refused, and the refusal tells the fingerprint that was found. */
  hostKey?: HostKey;
  /** The server asks for a certificate of the login, so that only the driver can complete the handshake. */
  clientCertificate?: boolean;
}

/** A host and port to which a definition leads. */
export interface Endpoint {
  /** `data`: answers reads. `token`: receives the login and issues a token. `tunnel`: forwards to the others. */
  role: 'data' | 'token' | 'tunnel';
  host: string;
  port: number;
  /** `tls`: from the first byte. `starttls` and `ssh`: the driver secures the connection. `none`: clear text. */
  security: 'none' | 'tls' | 'starttls' | 'ssh';
  trust?: Trust;
  /** Reached from the tunnel's host, not from here: this process neither resolves nor dials it. */
  via?: 'tunnel';
}
