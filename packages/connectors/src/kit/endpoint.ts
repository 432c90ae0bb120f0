import type { Endpoint, Trust } from '../interface/endpoint.js';

/** The host and port of a URL. @param trust for https */
export function urlEndpoint({ protocol, hostname, port }: URL, trust: Trust = {}): Endpoint {
  const isSecure = protocol === 'https:';
  return {
    role: 'data',
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || (isSecure ? 443 : 80)),
    security: isSecure ? 'tls' : 'none',
    ...(isSecure ? { trust } : {}),
  };
}
