import { uuidSchema } from '@mooring/contract/wire';

/** The id as it is stored, in lower case; undefined when the text is not a UUID. */
export const parseUuid = (text: string): string | undefined => uuidSchema.safeParse(text).data;
