import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Endpoint } from '../../interface/endpoint.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Context } from '../../interface/session.js';
import { createByteCollector } from '../../kit/byte-collector.js';
import { urlEndpoint } from '../../kit/endpoint.js';
import { openByteReader } from '../files/byte-reader.js';
import { type S3Options, s3Url } from './client-options.js';
import { limitRetries } from './retries.js';

const connectMsMax = 5_000;
const answerMsMax = 10_000;
const attemptsMax = 2;

/** Maximum size of a response other than object content (a listing or an error), in bytes. */
const answerBytesMax = 16 * 1024 * 1024;

type Handle = NodeHttpHandler['handle'];

/**
 * Checks the request that is actually sent: SDK rules derive host names from bucket names, ARNs and settings. Whatever
 * they do, a request goes to the connection's destination or nowhere.
 */
class BoundHandler extends NodeHttpHandler {
  private readonly target: Endpoint;

  constructor(target: Endpoint, options: ConstructorParameters<typeof NodeHttpHandler>[0]) {
    super(options);
    this.target = target;
  }

  override async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const { security, host, port } = this.target;
    const hostname = request.hostname.replace(/^\[(.*)\]$/, '$1');
    const requestPort = request.port ?? (request.protocol === 'https:' ? 443 : 80);
    const isHere =
      request.protocol === (security === 'tls' ? 'https:' : 'http:') &&
      requestPort === port &&
      (hostname === host || hostname.endsWith(`.${host}`));
    if (!isHere)
      throw new ConnectorError('egress_refused', 'The request would go to a host other than the endpoint.');
    return super.handle(request, options);
  }
}

async function collectAnswer(stream: Parameters<typeof openByteReader>[0]): Promise<Uint8Array> {
  const bytes = openByteReader(stream, false);
  const collected = createByteCollector();
  for (let chunk = await bytes.next(); chunk !== undefined; chunk = await bytes.next()) {
    if (collected.length + chunk.length > answerBytesMax) {
      bytes.close();
      throw new ConnectorError('too_large', 'The response of the source is too large.');
    }
    collected.append(chunk);
  }
  return collected.take();
}

const none = async () => undefined;

/**
 * An AWS client for one session. All settings are explicit, so that neither the environment nor `~/.aws` nor the
 * instance metadata service is consulted: keys, region, endpoint and retries come from the connection alone.
 */
export function createS3Client(
  options: S3Options,
  { network, retries }: Pick<Context, 'network' | 'retries'>,
): S3Client {
  const { http, https } = network.agents(options.ca === undefined ? {} : { ca: options.ca });
  const target = urlEndpoint(s3Url(options));
  const client = new S3Client({
    region: options.region,
    credentials: options.credentials,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ignoreConfiguredEndpointUrls: true,
    forcePathStyle: options.pathStyle,
    requestHandler: new BoundHandler(target, {
      httpAgent: http,
      httpsAgent: https,
      connectionTimeout: connectMsMax,
      requestTimeout: answerMsMax,
      throwOnRequestTimeout: true,
      // A paused reader would look like an idle socket; the body has its own idle limit.
      socketTimeout: 0,
    }),
    streamCollector: collectAnswer,
    maxAttempts: attemptsMax,
    retryMode: 'standard',
    defaultsMode: 'standard',
    followRegionRedirects: false,
    useArnRegion: false,
    useAccelerateEndpoint: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    useGlobalEndpoint: false,
    disableMultiregionAccessPoints: true,
    disableS3ExpressSessionAuth: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    authSchemePreference: ['sigv4'],
    sigv4aSigningRegionSet: [options.region],
    userAgentAppId: none,
  });
  limitRetries(client, `${target.host}:${target.port}`, retries);
  return client;
}
