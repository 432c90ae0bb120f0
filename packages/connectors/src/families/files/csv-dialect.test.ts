import { describe, expect, it } from 'vitest';
import { memoryFile, readAll, reading, refusal } from './memory-file.js';

describe('line ends of CSV', () => {
  const rows = [
    ['1', 'Ann'],
    ['2', 'Ben\rB\nC'],
    ['3', 'Cid'],
  ];

  it('VA5: are LF, CR LF or CR, whichever the file has, and reported', async () => {
    for (const lineEnd of ['\n', '\r\n', '\r'] as const) {
      const text = ['id,name', '1,Ann', '2,"Ben\rB\nC"', '3,Cid'].join(lineEnd);
      for (const content of [text, text + lineEnd])
        expect(await reading(content)).toMatchObject({
          ...{ names: ['id', 'name'], rows },
          file: { lineEnd: lineEnd === '\r' ? '\r' : '\n' },
        });
    }
    // The reported options are a valid request, whatever the lines after the first one end in.
    const mixed = await reading('a,b\r\n1,2\n3,4\r\n');
    expect(await reading('a,b\r\n1,2\n3,4\r\n', mixed.file)).toEqual(mixed);
    expect((await reading('a,b\r\n1,2\n3,4\r\n')).rows).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it('SU10: leave no stray CR in the last value', async () => {
    expect((await reading('a,b\n1,2\r')).rows).toEqual([['1', '2']]);
    expect((await reading('a,b\r\n1,"2"\r')).rows).toEqual([['1', '2']]);
  });

  it('VA5: that could be text are asked for', async () => {
    expect(await refusal('a,b\n1,x\n2,x\ry\n')).toEqual({
      kind: 'protocol_error',
      message:
        'The file is not valid CSV: record 2 has CR outside quotes, but lines end in LF in column "b".',
      remedy: expect.stringContaining('"file": {"lineEnd": "\\n"}'),
    });
    expect((await refusal('a,b\r1,x\ry\n2,z\r')).kind).toBe('protocol_error');
    expect((await reading('a,b\n1,x\ry\n', { lineEnd: '\n' })).rows).toEqual([['1', 'x\ry']]);
    expect((await reading('a,b\r1,x\ny\r', { lineEnd: '\r' })).rows).toEqual([['1', 'x\ny']]);
    expect((await reading('a,b\r\n1,x\ny\rz\r\n', { lineEnd: '\r\n' })).rows).toEqual([['1', 'x\ny\rz']]);
  });

  it('VA5: that are empty lines are rows of null in a file of one column, and nothing in others', async () => {
    expect((await reading('name\nAnn\n\nBen\n\n')).rows).toEqual([['Ann'], [null], ['Ben'], [null]]);
    expect((await reading('name\r\rAnn\r')).rows).toEqual([[null], ['Ann']]);
    expect((await reading('name\n""\n')).rows).toEqual([['']]);
    expect((await reading('\n\na,b\n\n1,2\n\n\n')).rows).toEqual([['1', '2']]);
  });
});

describe('the dialect of a CSV file', () => {
  it.each([
    ['semicolons', 'id;name\n1;Zoë\n2;Max\n', { delimiter: ';' }],
    ['semicolons beside decimal commas', 'id;name\n1;1,5\n2;2,5\n', { delimiter: ';' }],
    ['tabs', 'id\tname\n1\tA, B\n2\tC\n', { delimiter: '\t' }],
    ['pipes', 'id|name\n1|x\n', { delimiter: '|' }],
    ['semicolons in quotes', '"id";"name"\n"1";"a;b"\n', { delimiter: ';' }],
    ['no rows', 'id;name', { delimiter: ';' }],
    ['a line for Excel', 'sep=;\r\nid;name\r\n1;x\r\n', { delimiter: ';' }],
    ['commas beside semicolons in some values', 'id,name\n1,x;y\n2,z\n', { delimiter: ',' }],
    [
      'delimiters at the ends of records',
      'id,name\n1,x,\n2,y,\n',
      { delimiter: ',', trailingDelimiter: true },
    ],
    ['blanks behind delimiters', 'id, name\n1, "a, b"\n2, c\n', { delimiter: ',', skipInitialSpace: true }],
  ])('VA6: of %s is found and reported', async (_title, content, expected) => {
    const { names, file } = await reading(content);
    expect(names).toEqual(['id', 'name']);
    expect(file).toMatchObject({ format: 'csv', encoding: 'utf-8', quote: '"', header: true, ...expected });
    // The reported options are a valid request.
    expect(await reading(content, file)).toEqual(await reading(content));
  });

  it.each([
    ['one column', 'name\nx\ny; z\n', [['x'], ['y; z']]],
    ['an empty last column', 'a,b,\n1,2,\n', [['1', '2', '']]],
    ['quotes within fields without', 'a,b\n5" x 3",37°36\'37.8"N\n', [['5" x 3"', '37°36\'37.8"N']]],
    ['blanks around quotes', 'A,"B" ,C\n "1" , "2"\t,3 \n', [['1', '2', '3 ']]],
    [
      'trailing commas and values',
      'id,a\n1,x,\n2,y,\n',
      [
        ['1', 'x'],
        ['2', 'y'],
      ],
    ],
    [
      'blanks that are skipped',
      'id, name\n1, "a, b"\n2, "c"\n',
      [
        ['1', 'a, b'],
        ['2', 'c'],
      ],
    ],
    ['nothing but a header in quotes', '"a ""x""",b', []],
  ])('VA6 SU10: of %s is read exactly', async (_title, content, rows) => {
    expect((await reading(content)).rows).toEqual(rows);
  });

  it('SU10: is the same in the header', async () => {
    expect((await reading('A,"B" , "C",D\n1,2,3,4\n')).names).toEqual(['A', 'B', 'C', 'D']);
  });

  it.each([
    ['columns by several delimiters', 'a;b,c\n1;2,5\n', 'with "," 2, with ";" 2', '"," or ";"'],
    ['columns that only rows have', 'Report\n1;2\n3;4\n', 'with "," 1, with ";" 2', '"," or ";"'],
    ['columns that rows lack', 'a;b\n1\n2\n', 'with "," 1, with ";" 2', '"," or ";"'],
    ['rows by another delimiter', 'a,b\n1;2\n3,5;4\n', 'with "," 2, with ";" 2', '"," or ";"'],
  ])('VA6: of %s is asked for', async (_title, content, readings, examples) => {
    const { kind, message, remedy } = await refusal(content);
    expect([kind, message]).toEqual([
      'unsupported',
      `The delimiter of the file is ambiguous. Columns in the first records: ${readings}.`,
    ]);
    expect(remedy).toBe(`Set it in the request: "file": {"delimiter": …} with ${examples}.`);
    expect((await reading(content, { delimiter: ',' })).file).toMatchObject({ delimiter: ',' });
  });

  it('VA6: begins with no line for Excel where the next line has not its delimiter, or another is said', async () => {
    expect((await reading('sep=;\nx\ny\n', { delimiter: ',' })).rows).toEqual([['x'], ['y']]);
    expect((await reading('sep=;\na;b\n', { delimiter: ',' })).rows).toEqual([['a;b']]);
    expect((await reading('sep=,\nx\ny\n', { header: false, delimiter: ',' })).names).toHaveLength(2);
  });

  it('VA6: of values in single quotes is asked for', async () => {
    const content = "a,b\n'x',1\n'y',2\n";
    expect((await refusal(content)).remedy).toBe(
      `Set the quote in the request: "file": {"quote": "'"}, or "file": {"quote": "\\""}.`,
    );
    expect((await reading(content, { quote: "'" })).rows).toEqual([
      ['x', '1'],
      ['y', '2'],
    ]);
    expect((await reading(content, { quote: '"' })).rows).toEqual([
      ["'x'", '1'],
      ["'y'", '2'],
    ]);
    expect((await reading("a,b\n'x',1\nit's,2\n")).rows).toHaveLength(2);
    expect((await refusal("'a','b'\n'x\ny',1\n")).remedy).toContain('"quote": "\'"');
  });

  it('VA6: of a .tsv with other columns than by tabs is asked for', async () => {
    expect((await refusal('a,b\n1,2\n', {}, 'a.tsv')).kind).toBe('unsupported');
    expect((await reading('a,b\n1,2\n', { delimiter: ',' }, 'a.tsv')).names).toEqual(['a', 'b']);
  });

  it.each([
    [
      'text behind a closing quote',
      'a,b\n1,"x"y\n',
      'record 1 has text after its closing quote in column "b"',
    ],
    [
      'escapes by backslashes',
      'a,b\n1,"x \\"y\\" z"\n',
      'record 1 has text after its closing quote in column "b"',
    ],
    ['the same in the header', 'a,"b"c\n1,2\n', 'the header has text after its closing quote in field 2'],
  ])('SU10: with %s is refused', async (_title, content, problem) => {
    const { kind, message, remedy } = await refusal(content);
    expect([kind, message]).toEqual(['protocol_error', `The file is not valid CSV: ${problem}.`]);
    expect(remedy).toContain('"file": {"escape": "\\\\"}');
  });

  it('VA6: is that which a request says', async () => {
    expect((await reading("a,b\n'x,y','it''s'\n", { quote: "'" })).rows).toEqual([['x,y', "it's"]]);
    expect((await reading('a,b\n"x,5" y\n', { quote: '' })).rows).toEqual([['"x', '5" y']]);
    expect((await reading('a,b\n"x \\"y\\" \\\\","2"\n', { escape: '\\' })).rows).toEqual([
      ['x "y" \\', '2'],
    ]);
    expect((await refusal('a,b\n"C:\\dir",2\n', { escape: '\\' })).message).toContain(
      'invalid escape sequence',
    );
    expect(await reading('1;x\n2;y\n', { header: false })).toMatchObject({
      names: ['column_1', 'column_2'],
      rows: [
        ['1', 'x'],
        ['2', 'y'],
      ],
      file: { header: false, delimiter: ';' },
    });
    expect((await refusal('1,2\n1,2,3\n', { header: false })).message).toBe(
      'Record 2 has 3 fields, the first one has 2.',
    );
    const nulls = 'a,b\n,""\nNA,"NA"\n';
    expect((await reading(nulls, { nullText: '' })).rows).toEqual([
      [null, ''],
      ['NA', 'NA'],
    ]);
    expect((await reading(nulls, { nullText: 'NA' })).rows).toEqual([
      ['', ''],
      [null, 'NA'],
    ]);
    expect((await refusal('a,b\n1,2\n1,2,\n')).message).toBe('Record 2 has 3 fields, the header has 2.');
    expect((await reading('a,b\n1,2\n1,2,\n', { trailingDelimiter: true })).rows).toHaveLength(2);
  });

  it('VA6: with a delimiter at the end of each record has none behind its header, and drops no text for null', async () => {
    const said = { trailingDelimiter: true };
    for (const content of ['a,b,\n1,2,\n', 'a,b,\n1,2\n', 'a,b\n1,2,\n'])
      expect(await reading(content, said)).toMatchObject({ names: ['a', 'b'], rows: [['1', '2']] });
    expect((await reading('a,b,\n', said)).names).toEqual(['a', 'b']);
    expect((await refusal('a,b,\n1,2,3\n', said)).message).toContain('Record 1 has 3 fields');
    const longer = await reading('a,b,\n1,2,3,\n');
    expect(longer.rows).toEqual([['1', '2', '3']]);
    expect(await reading('a,b,\n1,2,3,\n', longer.file)).toEqual(longer);
    expect((await refusal('a,b\n1,2,NA\n', { nullText: 'NA' })).message).toContain('Record 1 has 3 fields');
    expect((await reading('a,b\n1,2,\n', { nullText: '' })).rows).toEqual([['1', '2']]);
  });

  it('VA6: with escapes where they mean nothing is refused', async () => {
    for (const outside of ['x \\"y\\"', '\\\\x']) {
      const { message } = await refusal(`a,b\n1,${outside}\n`, { escape: '\\' });
      expect(message).toContain('record 1 has an escape sequence outside quotes in column "b"');
    }
    expect((await reading('a,b\nC:\\x,"y"\n', { escape: '\\' })).rows).toEqual([['C:\\x', 'y']]);
    const none = { quote: '', escape: '\\' };
    expect((await refusal('a,b\n1,x\\y\n', none)).kind).toBe('invalid_query');
    const request = { file: { quote: '' }, defaults: { escape: '\\' } };
    expect((await readAll(memoryFile('a.csv', 'a,b\n1,"x"\n'), request)).rows).toEqual([['1', '"x"']]);
  });
});
