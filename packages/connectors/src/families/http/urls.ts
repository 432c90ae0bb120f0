import { line } from '../../interface/fields.js';

function isHttpUrl(value: string): boolean {
  // The URL parser accepts backslashes, spaces, an empty user and any number of slashes; but what users read must be
  // what is dialled.
  if (/[\s\\]/.test(value) || !/^https?:\/\/[^/?#@]+(?:[/?#]|$)/i.test(value) || !URL.canParse(value))
    return false;
  const url = new URL(value);
  return (
    /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && !value.includes('@/')
  );
}

/** A URL that a connection dials. */
export const httpUrl = () =>
  line(2048).refine(isHttpUrl, 'must be an http or https URL without user name and password');
