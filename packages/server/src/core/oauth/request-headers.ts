/** Replaces the user agent of the library. */
export const requestHeaders = { 'user-agent': 'Mooring' };
