import type { X509Certificate } from 'node:crypto';
import { ConnectorError, type ConnectorErrorKind } from '../interface/errors.js';
import type { Findings, Session } from '../interface/session.js';
import type { Connector } from '../interface/source.js';
import { type ClientCertificate, certificateIn, certificateOptions } from './client-certificate.js';

const dayMs = 86_400_000;
/** From then on the test of a connection tells when the certificate ends. */
const noticeDays = 30;

const dateOf = (certificate: X509Certificate) => new Date(certificate.validTo);
const written = (date: Date) => date.toISOString().slice(0, 10);

type Note = NonNullable<Findings['notes']>[number];

function noteOf(certificate: X509Certificate): Note[] {
  const end = dateOf(certificate);
  const remedy = 'Provide a credential with a new one in time.';
  const daysLeft = (end.getTime() - Date.now()) / dayMs;
  if (daysLeft < 0) return [{ text: `The client certificate expired on ${written(end)}.`, remedy }];
  return daysLeft < noticeDays
    ? [{ text: `The client certificate expires on ${written(end)}.`, remedy }]
    : [];
}

/** Failures that say where the source is, not whom it accepts. */
const ofTheWay: readonly ConnectorErrorKind[] = [
  'egress_refused',
  'unreachable',
  'timeout',
  'cancelled',
  'host_key_refused',
];

/** A refusal of a certificate that has expired says so. */
function explained(error: unknown, certificate: X509Certificate): unknown {
  if (dateOf(certificate).getTime() >= Date.now()) return error;
  if (error instanceof ConnectorError && ofTheWay.includes(error.kind)) return error;
  return new ConnectorError(
    'auth_failed',
    `The client certificate expired on ${written(dateOf(certificate))}.`,
    { remedy: 'Provide a credential with a new one.', cause: error },
  );
}

interface InputWithCertificate {
  properties: { enableMutualSSL?: boolean | undefined };
  login: { fields: ClientCertificate };
}

/** A connector whose login may have a client certificate: tests of the connection tell its end. */
export const withCertificate = <Input>(connector: Connector<Input>): Connector<Input> => ({
  ...connector,
  async open(input, context): Promise<Session> {
    const { properties, login } = input as InputWithCertificate;
    const isUsed = properties.enableMutualSSL === true;
    const certificate = isUsed ? certificateIn(certificateOptions(login.fields)) : undefined;
    if (certificate === undefined) return connector.open(input, context);
    const telling = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      try {
        return await work();
      } catch (error) {
        throw explained(error, certificate);
      }
    };
    const session = await telling(() => connector.open(input, context));
    const ping = session.ping.bind(session);
    return Object.assign(session, {
      ping: async (...given: Parameters<Session['ping']>) => {
        const found = await telling(() => ping(...given));
        const notes = [...(found.notes ?? []), ...noteOf(certificate)];
        return notes.length > 0 ? { ...found, notes } : found;
      },
    });
  },
});
