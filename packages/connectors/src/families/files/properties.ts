import { fileOptionsSchema } from '@mooring/contract/file-options';
import { property } from '../../interface/fields.js';
import { isCharset } from '../../kit/charset.js';

/** Defaults of a connection for reading its files. */
export const fileOptionsProperty = property(
  fileOptionsSchema.refine(({ encoding }) => encoding === undefined || isCharset(encoding), {
    path: ['encoding'],
    message: 'must be an encoding such as utf-8, utf-16le or windows-1252',
  }),
  {
    title: 'Files',
    description:
      'Defaults for reading CSV files, for instance {"delimiter": ";", "encoding": "windows-1252"}; a request may override them. format applies to files without a known extension.',
    decides: 'nothing',
  },
).optional();
