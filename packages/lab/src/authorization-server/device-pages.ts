import type { Configuration } from 'oidc-provider';
import { page } from './pages.js';

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;

const button = '<button type="submit">Continue</button></form>';
/** oidc-provider's own pages submit the forms by script; ours have no scripts. */
const withButton = (form: string): string => form.replace('</form>', button);

/** Sign-in on another device (RFC 8628), with plain forms. */
export const deviceFlow: DeviceFlow = {
  enabled: true,
  userCodeInputSource: (context, form) => {
    context.type = 'text/html; charset=utf-8';
    context.body = page('Enter the code of your device', withButton(form));
  },
  userCodeConfirmSource: (context, form, ...[, , userCode]) => {
    context.type = 'text/html; charset=utf-8';
    context.body = page('Is this the code of your device?', `<p>${userCode}</p>${withButton(form)}`);
  },
  successSource: (context) => {
    context.type = 'text/html; charset=utf-8';
    context.body = page('Signed in', '<p>Go back to your device.</p>');
  },
};
