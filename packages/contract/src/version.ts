/** Of all packages of this repository; SemVer. */
export const version = '0.2.0';
