import { z } from 'zod';
import { line, property } from '../../interface/fields.js';
import type { Values } from '../../interface/login.js';
import type { PropertyProblem } from '../../interface/property-problem.js';
import { headerNameSchema } from '../http/headers.js';
import type { Paging } from './paging.js';

const paginationHint =
  'must be None, Offset, NextPage, NextToken or NextUrl: Custom needs a load script and is not supported';
const parameter = (fallback: string, title: string, description: string) =>
  property(line(256).min(1).default(fallback), { title, description, decides: 'nothing' });
const pathForms =
  'A JSON pointer (/paging/next), one name (@odata.nextLink), or names joined by dots or slashes (paging.next, root/paging/next).';
export const fieldPath = (title: string, description: string) =>
  property(line(512), { title, description: `${description} ${pathForms}`, decides: 'nothing' });
const headerInstead = 'The path names a response header instead of a field of the response.';
const inHeader = (what: string) =>
  property(z.boolean().default(false), {
    title: `${what} is a header`,
    description: headerInstead,
    decides: 'nothing',
  });
const count = (fallback: number, title: string, description: string) =>
  property(z.int().min(0).max(1_000_000).default(fallback), { title, description, decides: 'nothing' });
const qlikCount = (title: string, description: string) =>
  property(z.int().min(0).max(1_000_000), { title, description, decides: 'nothing' }).optional();

const offsetHeader = (what: string) =>
  property(z.boolean(), {
    title: `${what} is a header`,
    description: `${what} is sent as a request header instead of a query parameter.`,
  }).optional();

/** Its flag may make it a header name, with which another user's login could do more than read. */
const offsetField = (title: string, description: string) =>
  property(line(256).min(1), { title, description }).optional();

// Qlik documents the values of PaginationType. Of the property names, it has published the Offset ones (except those
// with Param, PageSize or Initial), NextUrlFieldPath and IsNextUrlFieldPathHeader. The others follow their pattern.
/** Properties that define how to request further pages. */
export const paginationProperties = {
  PaginationType: property(
    z.enum(['None', 'Offset', 'NextPage', 'NextToken', 'NextUrl'], { error: paginationHint }).default('None'),
    // With NextUrl, the response decides where the login goes next, at a path that these properties choose.
    { title: 'Pagination', description: 'How to request further pages.' },
  ),
  OffsetStartParamName: parameter(
    'offset',
    'Start parameter',
    'Query parameter for the first row of a page.',
  ),
  OffsetStartInitialValue: count(0, 'First start', 'Start of the first page.'),
  OffsetCountParamName: parameter(
    'limit',
    'Count parameter',
    'Query parameter for the number of rows per page.',
  ),
  OffsetPageSize: count(100, 'Page size', 'Rows per page; 0 sends no count parameter.'),
  OffsetTotalPath: fieldPath('Total path', 'Where the response has the total number of rows.').optional(),
  OffsetStartField: offsetField('Start field', "Qlik's name for OffsetStartParamName."),
  IsOffsetStartFieldHeader: offsetHeader('The start field'),
  OffsetStartFieldValue: qlikCount('First start', "Qlik's name for OffsetStartInitialValue."),
  OffsetCountFieldName: offsetField('Count field', "Qlik's name for OffsetCountParamName."),
  IsOffsetCountFieldHeader: offsetHeader('The count field'),
  OffsetCountValue: qlikCount('Page size', "Qlik's name for OffsetPageSize."),
  OffsetDataPath: fieldPath('Data path', "Qlik's name for dataPath, with Offset.").optional(),
  PaginationFirstPageOnly: property(z.boolean(), {
    title: 'First page only',
    description:
      'Without pagination: read the first page even if it indicates more pages. Default: a page that indicates more ends the read.',
    decides: 'nothing',
  }).optional(),
  PaginationEndsAt404: property(z.boolean(), {
    title: '404 ends pagination',
    description:
      'With Offset and NextPage: the source answers 404 after its last page. The first page must exist.',
    decides: 'nothing',
  }).optional(),
  NextPageParamName: parameter('page', 'Page parameter', 'Query parameter for the page number.'),
  NextPageInitialValue: count(1, 'First page', 'Number of the first page.'),
  NextPageCountParamName: parameter(
    'per_page',
    'Page size parameter',
    'Query parameter for the number of rows per page.',
  ),
  NextPageSize: count(0, 'Page size', 'Rows per page; 0 sends no size parameter.'),
  NextPageFieldPath: fieldPath(
    'Next page path',
    'Where the response has the number of the next page, or true. Default: pages are counted until one is empty.',
  ).optional(),
  IsNextPageFieldPathHeader: inHeader('Next page'),
  NextTokenParamName: parameter('pageToken', 'Token parameter', 'Query parameter for the page token.'),
  NextTokenFieldPath: fieldPath('Next token path', 'Where the response has the next token.').default(
    'nextPageToken',
  ),
  IsNextTokenFieldPathHeader: inHeader('Next token'),
  NextUrlFieldPath: property(line(512), {
    title: 'Next URL path',
    description: `Where the response has the URL of the next page. ${pathForms}`,
  }).default('next'),
  IsNextUrlFieldPathHeader: property(z.boolean().default(false), {
    title: 'Next URL is a header',
    description: headerInstead,
  }),
};

type PaginationProperties = z.output<z.ZodObject<typeof paginationProperties>>;

/** How the connection wants further pages to be requested. */
export function pagingOf(p: PaginationProperties): Paging {
  const endsAt404 = p.PaginationEndsAt404 === true;
  switch (p.PaginationType) {
    case 'None':
      return { by: 'none', isFirstEnough: p.PaginationFirstPageOnly === true };
    case 'Offset':
      // Qlik's names take precedence over those that Mooring introduced before they were known.
      return {
        by: 'offset',
        start: {
          name: p.OffsetStartField ?? p.OffsetStartParamName,
          value: p.OffsetStartFieldValue ?? p.OffsetStartInitialValue,
          inHeader: p.IsOffsetStartFieldHeader ?? false,
        },
        size: {
          name: p.OffsetCountFieldName ?? p.OffsetCountParamName,
          value: p.OffsetCountValue ?? p.OffsetPageSize,
          inHeader: p.IsOffsetCountFieldHeader ?? false,
        },
        totalAt: p.OffsetTotalPath,
        endsAt404,
      };
    case 'NextPage': {
      const property = 'NextPageFieldPath';
      return {
        by: 'page',
        name: p.NextPageParamName,
        first: p.NextPageInitialValue,
        size: { name: p.NextPageCountParamName, value: p.NextPageSize },
        next:
          p[property] === undefined
            ? undefined
            : { at: p[property], inHeader: p.IsNextPageFieldPathHeader, property },
        endsAt404,
      };
    }
    case 'NextToken': {
      const property = 'NextTokenFieldPath';
      const next = { at: p[property], inHeader: p.IsNextTokenFieldPathHeader, property };
      return { by: 'cursor', name: p.NextTokenParamName, next };
    }
    case 'NextUrl': {
      const property = 'NextUrlFieldPath';
      return { by: 'url', next: { at: p[property], inHeader: p.IsNextUrlFieldPathHeader, property } };
    }
  }
}

/** The properties that determine the next request. */
const pageProperties = {
  None: '',
  NextUrl: 'NextUrlFieldPath',
  NextPage: 'NextPageParamName and NextPageFieldPath',
  NextToken: 'NextTokenParamName and NextTokenFieldPath',
  Offset: 'OffsetStartParamName and OffsetCountParamName',
};

/** What users can do when pages do not lead on as configured. */
export const pagingRemedies = ({ PaginationType: type }: PaginationProperties) => ({
  samePage: `Compare PaginationType (${type}) of the connection, and its ${pageProperties[type]}, with the documentation of the service, whose parameters may have other names.`,
  missingPage:
    'If the service does this after its last page, set the property PaginationEndsAt404 of the connection to true.',
});

const offsetHeaders = [
  ['IsOffsetStartFieldHeader', 'OffsetStartField'],
  ['IsOffsetCountFieldHeader', 'OffsetCountFieldName'],
] as const;

/** Properties that contradict each other. */
export function pagingConflicts(definition: Values): PropertyProblem[] {
  const { dataPath, OffsetDataPath } = definition;
  const problems: PropertyProblem[] = [];
  if (dataPath !== undefined && OffsetDataPath !== undefined && dataPath !== OffsetDataPath)
    problems.push({ property: 'OffsetDataPath', message: 'cannot be given together with another dataPath' });
  for (const [flag, name] of offsetHeaders) {
    if (definition[flag] !== true) continue;
    const { success, error } = headerNameSchema.safeParse(definition[name]);
    if (!success)
      problems.push({ property: name, message: error.issues[0]?.message ?? 'must be a header name' });
  }
  return problems;
}
