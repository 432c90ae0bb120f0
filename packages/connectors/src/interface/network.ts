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
  /** PEM certificates to trust in addition to the system's. */
  ca?: string;
  /** Client certificate for mutual TLS, as PEM or PKCS#12. */
  clientCertificate?: { cert: string; key: string } | { pfx: Uint8Array; passphrase?: string };
  /**
   * TLS without verifying the server's certificate: anyone on the network path can read along. Only if the operator
   * allows it.
   */
  unverifiedTls?: boolean;
  /** Maximum response body in bytes after decompression. Larger ones fail with `too_large`. */
  bodyBytesMax?: number;
  /**
   * Called once the connection is established and before any byte of the request is written; if it throws, nothing is
   * written.
   */
  beforeSend?: () => void;
}

/**
 * The only way to the network, for every connector and every OAuth exchange: the host is parsed once and resolved once,
 * the operator's policy must allow every address, and the connection goes to the address that was checked. A refused
 * target fails with a `ConnectorError` of kind `egress_refused`, the same for every reason.
 */
export interface Network {
  /**
   * A socket that is already connecting, for drivers that take a stream. Writes are buffered until it is connected;
   * failures arrive as `error` events with a `ConnectorError`.
   */
  socket(target: SocketTarget): Socket;
  /** Agents for vendor SDKs that take Node's `http.Agent`; their sockets are checked the same way. */
  agents(tls?: Pick<NetworkRequest, 'ca' | 'clientCertificate' | 'unverifiedTls'>): {
    http: HttpAgent;
    https: HttpsAgent;
  };
  /**
   * One HTTP request. Redirects are not followed (the 3xx is returned), no header is added to those given, environment
   * proxies are ignored.
   */
  fetch(url: string, request?: NetworkRequest): Promise<Response>;
}
