/** The name under which providers see this service; the library would send its own. */
export const requestHeaders = { 'user-agent': 'Mooring' };
