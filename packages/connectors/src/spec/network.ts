import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';

export interface SocketTarget {
  /** Host name or IP literal, without brackets. */
  host: string;
  port: number;
}

export interface NetworkRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
  /** PEM certificates to trust beside the system's. */
  ca?: string;
  /** Client certificate for mutual TLS, as PEM or PKCS#12. */
  clientCertificate?: { cert: string; key: string } | { pfx: Uint8Array; passphrase?: string };
  /** TLS without looking at the server's certificate: anybody on the way can read along. Only where the operator allows it. */
  unverifiedTls?: boolean;
  /** Largest response body accepted, in bytes after decompression. Larger ones fail with `too_large`. */
  bodyBytesMax?: number;
  /** Called once the connection stands and before a byte of the request is written; when it throws, none is. */
  beforeSend?: () => void;
}

/**
 * The way out. Every connector and every OAuth exchange reaches the network through this and nothing else:
 * the host is parsed once, resolved once, every address must be allowed by the operator's policy, and the
 * connection goes to the address that was checked. A refused target fails with a `ConnectorError` of kind
 * `egress_refused`, the same for every reason.
 */
export interface Network {
  /**
   * A socket that is already connecting. For drivers that take a stream: writes are buffered until it is
   * connected, failures arrive as `error` events that carry a `ConnectorError`.
   */
  socket(target: SocketTarget): Socket;
  /** Agents for vendor SDKs that take Node's `http.Agent`; sockets they open are checked the same way. */
  agents(tls?: Pick<NetworkRequest, 'ca' | 'clientCertificate' | 'unverifiedTls'>): {
    http: HttpAgent;
    https: HttpsAgent;
  };
  /**
   * One HTTP request. Redirects are not followed (the 3xx is returned), no header is added beyond those
   * given, environment proxies are ignored.
   */
  fetch(url: string, request?: NetworkRequest): Promise<Response>;
}
