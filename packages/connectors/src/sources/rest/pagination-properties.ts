import { z } from 'zod';
import { line, property } from '../../spec/fields.js';

const paginationHint =
  'must be None, Offset, NextPage, NextToken or NextUrl: Custom needs a load script and is not supported';
const parameter = (fallback: string, title: string, description: string) =>
  property(line(256).min(1).default(fallback), { title, description, decides: 'nothing' });
const pathForms =
  'A JSON pointer (/paging/next), one name (@odata.nextLink), or names joined by dots or slashes (paging.next, root/paging/next).';
export const fieldPath = (title: string, description: string) =>
  property(line(512), { title, description: `${description} ${pathForms}`, decides: 'nothing' });
const headerInstead = 'The path names a response header instead of a field of the answer.';
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

/** Names a header where its flag says so, so that with another person's login it could do more than read. */
const offsetField = (title: string, description: string) =>
  property(line(256).min(1), { title, description }).optional();

// Qlik documents the values of PaginationType; known from what it publishes are the names of Offset but for those with
// Param, PageSize and Initial in them, NextUrlFieldPath and IsNextUrlFieldPathHeader. The others are named after them.
/** Properties that say how further pages are asked for. */
export const pagination = {
  PaginationType: property(
    z.enum(['None', 'Offset', 'NextPage', 'NextToken', 'NextUrl'], { error: paginationHint }).default('None'),
    // With NextUrl the answer says where the login goes next, at a place that these properties choose.
    { title: 'Pagination', description: 'How further pages are asked for.' },
  ),
  OffsetStartParamName: parameter(
    'offset',
    'Start parameter',
    'Query parameter with the first row of a page.',
  ),
  OffsetStartInitialValue: count(0, 'First start', 'Start of the first page.'),
  OffsetCountParamName: parameter('limit', 'Count parameter', 'Query parameter with the rows of a page.'),
  OffsetPageSize: count(100, 'Page size', 'Rows to ask for; 0 sends no count parameter.'),
  OffsetTotalPath: fieldPath('Total path', 'Where the answer says how many rows there are.').optional(),
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
      'Without pagination: the first page is wanted, also where it says that there are more; otherwise such an answer ends the read.',
    decides: 'nothing',
  }).optional(),
  PaginationEndsAt404: property(z.boolean(), {
    title: 'A 404 ends the pages',
    description:
      'With Offset and NextPage: the source answers 404 behind its last page. The first page must be there.',
    decides: 'nothing',
  }).optional(),
  NextPageParamName: parameter('page', 'Page parameter', 'Query parameter with the number of the page.'),
  NextPageInitialValue: count(1, 'First page', 'Number of the first page.'),
  NextPageCountParamName: parameter(
    'per_page',
    'Page size parameter',
    'Query parameter with the rows of a page.',
  ),
  NextPageSize: count(0, 'Page size', 'Rows to ask for; 0 sends no size parameter.'),
  NextPageFieldPath: fieldPath(
    'Next page path',
    'Where the answer names the next page, or says true; absent: pages are counted until one is empty.',
  ).optional(),
  IsNextPageFieldPathHeader: inHeader('Next page'),
  NextTokenParamName: parameter(
    'pageToken',
    'Token parameter',
    'Query parameter with the token of the page.',
  ),
  NextTokenFieldPath: fieldPath('Next token path', 'Where the answer has the next token.').default(
    'nextPageToken',
  ),
  IsNextTokenFieldPathHeader: inHeader('Next token'),
  NextUrlFieldPath: property(line(512), {
    title: 'Next URL path',
    description: `Where the answer has the URL of the next page. ${pathForms}`,
  }).default('next'),
  IsNextUrlFieldPathHeader: property(z.boolean().default(false), {
    title: 'Next URL is a header',
    description: headerInstead,
  }),
};
