import type { ColumnType, FileOptions } from '@mooring/contract/file-options';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { doublesTextOf } from '../../spec/data-types.js';
import { RecordCutter } from './csv-cutter.js';
import type { CsvDialect } from './csv-record.js';
import { columnNames } from './delimited.js';
import { memoryFile, readAll, readFailure } from './memory-file.js';

const excel: CsvDialect = {
  ...{ delimiter: ',', quote: '"', escape: '"', lineEnd: undefined },
  ...{ skipInitialSpace: false, nullText: undefined },
};

function cut(text: string, pieceLength: number, dialect: Partial<CsvDialect> = {}) {
  const cutter = new RecordCutter({ ...excel, ...dialect }, 1024);
  for (let at = 0; at < text.length; at += pieceLength) cutter.push(text.slice(at, at + pieceLength));
  cutter.end();
  return { records: cutter.take(), fault: cutter.fault?.message };
}

const mixed = (alphabet: readonly string[]) =>
  fc.array(fc.constantFrom(...alphabet), { maxLength: 40 }).map((parts) => parts.join(''));
const length = fc.integer({ min: 1, max: 9 });

describe('CSV records', () => {
  it('are cut as csv-parse cuts them, wherever the text is cut, or refused', () => {
    const texts = mixed([
      'a',
      'é',
      '😀',
      ',',
      ',',
      '\n',
      '\r\n',
      '\0',
      "'",
      '"b"',
      '"c\nd"',
      '"e,""f"""',
      '"',
    ]);
    fc.assert(
      fc.property(texts, length, (text, pieceLength) => {
        const { records, fault } = cut(text, pieceLength);
        expect({ records, fault }).toEqual(cut(text, 100));
        if (fault !== undefined) return;
        const byOther = parse(text, {
          record_delimiter: ['\r\n', '\n'],
          relax_column_count: true,
          // Only quotes within fields that begin with none are left.
          relax_quotes: true,
        }) as string[][];
        const holding = (found: (string | null)[][]) =>
          found.filter((record) => record.length > 1 || (record[0] ?? '') !== '');
        expect(holding(records)).toEqual(holding(byOther));
      }),
      { numRuns: 500 },
    );
  });

  it('come back from any dialect as they were written', () => {
    const field = mixed(['a', ' ', ',', ';', '"', "'", '\\', '\n', '\r', 'é', '\t']);
    const dialects = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|', 'x'),
      quote: fc.constantFrom('"', "'"),
      escape: fc.constantFrom('', '\\'),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    });
    const tables = fc.array(fc.array(field, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(tables, dialects, length, (table, { escape: escaping, ...rest }, pieceLength) => {
        const dialect = { ...rest, escape: escaping === '' ? rest.quote : escaping } as const;
        const marks = escaping === '' ? [dialect.quote] : [dialect.escape, dialect.quote];
        const quoted = (text: string) =>
          dialect.quote +
          marks.reduce((done, mark) => done.replaceAll(mark, dialect.escape + mark), text) +
          dialect.quote;
        const text = table.map((record) => record.map(quoted).join(dialect.delimiter)).join(dialect.lineEnd);
        expect(cut(text, pieceLength, dialect)).toEqual({ records: table, fault: undefined });
        expect(cut(text, pieceLength, { ...dialect, lineEnd: undefined }).records).toEqual(table);
      }),
      { numRuns: 500 },
    );
  });
});

/** A table that is read without being told how, and what is told of it. */
async function reading(content: string | Buffer, file: FileOptions = {}, name = 'a.csv') {
  const read = await readAll(memoryFile(name, content, { chunkBytes: 5 }), { file });
  return { names: read.columns.map((column) => column.name), rows: read.rows, file: read.file };
}

const refusal = async (content: string | Buffer, file: FileOptions = {}, name = 'a.csv') => {
  const { kind, message, remedy } = await readFailure(memoryFile(name, content, { chunkBytes: 5 }), { file });
  return { kind, message, remedy };
};

describe('CSV and TSV files', () => {
  it('take the first record as header and keep every value as text', async () => {
    const { columns, rows } = await readAll(memoryFile('a.csv', 'id,name,note\n1,Zoë,\n007,"a ""b""",x\n'));
    expect(columns).toEqual(['id', 'name', 'note'].map((name) => ({ name, type: 'string', nullable: true })));
    expect(rows).toEqual([
      ['1', 'Zoë', ''],
      ['007', 'a "b"', 'x'],
    ]);
  });

  it('give null for fields missing at the end, and fail for a record longer than the header', async () => {
    expect((await readAll(memoryFile('a.csv', 'a,b,c\n1\n'))).rows).toEqual([['1', null, null]]);
    const error = await readFailure(memoryFile('a.csv', 'a,b\n1,2\n1,2,3\n'));
    expect(error.kind).toBe('protocol_error');
    expect(error.message).toBe('Record 2 has 3 fields, the header has 2.');
  });

  it('split TSV at tabs only', async () => {
    expect((await reading('a\tb\n1,5\t"x\ty"\n', {}, 'a.tsv')).rows).toEqual([['1,5', 'x\ty']]);
    expect((await reading('a\tb\n1,5\t"x\ty"\n', {}, 'a.tsv')).file).toMatchObject({ format: 'tsv' });
  });

  it('tell repeated and empty header names apart', () => {
    expect(columnNames(['a', 'a', '', 'a_2', 'a'])).toEqual(['a', 'a_3', 'column_3', 'a_2', 'a_4']);
  });

  it('D10: bring names such as __proto__ back literally', async () => {
    const { columns, rows } = await readAll(memoryFile('a.csv', '__proto__,constructor,toString\n1,2,3\n'), {
      columns: ['toString', '__proto__'],
    });
    expect(columns.map(({ name }) => name)).toEqual(['toString', '__proto__']);
    expect(rows).toEqual([['3', '1']]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('D17: read a byte order mark, CRLF, NUL and UTF-16, and leave formula cells alone', async () => {
    const text = 'a,b\r\n=cmd(),\u0000x\r\n';
    for (const content of [`\ufeff${text}`, text, Buffer.from(`\ufeff${text}`, 'utf16le')]) {
      const { columns, rows } = await readAll(memoryFile('a.csv', content, { chunkBytes: 1 }));
      expect(columns[0]?.name).toBe('a');
      expect(rows).toEqual([['=cmd()', '\u0000x']]);
    }
  });

  it('are empty without a header and have no rows with a header alone', async () => {
    expect(await readAll(memoryFile('a.csv', ''))).toMatchObject({ columns: [], rows: [] });
    expect((await readAll(memoryFile('a.csv', 'a,b'))).columns).toHaveLength(2);
    expect((await readAll(memoryFile('a.csv', 'a,b\n'))).rows).toEqual([]);
  });

  it('D15 D17: stop at a quote that is never closed and at a line that never ends', async () => {
    const block = Buffer.alloc(1024 * 1024, 'x');
    const endless = function* (start: string) {
      yield Buffer.from(start);
      for (;;) yield block;
    };
    for (const start of ['a,b\n"', 'a,b\n']) {
      const file = memoryFile('a.csv', endless(start));
      expect((await readFailure(file)).kind).toBe('too_large');
      expect(file.bytesSent()).toBeLessThan(16 * 1024 * 1024);
      expect(file.isClosed()).toBe(true);
    }
    expect((await refusal('a,b\n"open,1\n')).message).toBe(
      'The file is not valid CSV: record 1 begins with a quote that is never closed in column "a".',
    );
  });

  it('D15 D17: refuse a hundred thousand columns', async () => {
    expect((await readFailure(memoryFile('a.csv', `${'c,'.repeat(100_000)}c\n`))).kind).toBe('too_large');
  });
});

describe('the encoding of a CSV file', () => {
  const text = 'id,city\n1,Zürich\n2,Köln\n';
  const utf32 = (littleEndian: boolean) => {
    const bytes = Buffer.alloc(text.length * 4);
    for (const [index, character] of [...text].entries()) {
      const code = character.codePointAt(0) ?? 0;
      if (littleEndian) bytes.writeUInt32LE(code, index * 4);
      else bytes.writeUInt32BE(code, index * 4);
    }
    return bytes;
  };
  const little = Buffer.from(text, 'utf16le');
  const big = Buffer.from(little).swap16();
  const rows = [
    ['1', 'Zürich'],
    ['2', 'Köln'],
  ];

  it('VA5: is told by a mark or by its first characters, in UTF-16 and UTF-32', async () => {
    for (const [bytes, encoding, mark] of [
      [little, 'utf-16le', [0xff, 0xfe]],
      [big, 'utf-16be', [0xfe, 0xff]],
      [utf32(true), 'utf-32le', [0xff, 0xfe, 0, 0]],
      [utf32(false), 'utf-32be', [0, 0, 0xfe, 0xff]],
      [Buffer.from(text), 'utf-8', [0xef, 0xbb, 0xbf]],
    ] as const) {
      for (const content of [bytes, Buffer.concat([Buffer.from(mark), bytes])])
        expect(await reading(content), encoding).toMatchObject({
          names: ['id', 'city'],
          rows,
          file: { encoding },
        });
    }
    const cut = await refusal(little.subarray(0, -3));
    expect([cut.kind, cut.message]).toEqual([
      'protocol_error',
      expect.stringContaining('not valid utf-16le'),
    ]);
    const beyond = Buffer.concat([utf32(true), Buffer.from([0, 0, 0x11, 0])]);
    expect((await refusal(beyond)).message).toContain('not valid utf-32le');
  });

  it('VA5: that is none of these is refused by record and column, and read when it is said', async () => {
    const latin1 = Buffer.from(text, 'latin1');
    expect(await refusal(latin1)).toEqual({
      kind: 'protocol_error',
      message: 'Record 1 in column "city" has bytes that are not valid utf-8.',
      remedy: expect.stringContaining('"file": {"encoding": "windows-1252"}'),
    });
    expect(await reading(latin1, { encoding: 'iso-8859-1' })).toMatchObject({
      rows,
      file: { encoding: 'windows-1252' },
    });
    const header = Buffer.from('größe;x\n1;2\n', 'latin1');
    expect((await refusal(header)).message).toBe('The header in field 1 has bytes that are not valid utf-8.');
    const mixed = Buffer.concat([
      Buffer.from('id,city\n1,Zürich\n2,Z'),
      Buffer.from([0xfc]),
      Buffer.from('rich\n'),
    ]);
    expect((await refusal(mixed)).message).toContain('Record 2 in column "city"');
    expect((await readAll(memoryFile('a.csv', mixed), { limit: 1 })).rows).toEqual([['1', 'Zürich']]);
    const windows = Buffer.from([...Buffer.from('id,note\n1,10 '), 0x80, 0x20, 0x93, 0x71, 0x94]);
    expect((await refusal(windows)).message).toContain('Record 1 in column "note"');
    expect((await reading(windows, { encoding: 'cp1252' })).rows).toEqual([['1', '10 € “q”']]);
    const japanese = Buffer.from([
      ...Buffer.from('id,'),
      0x96,
      0xbc,
      0x91,
      0x4f,
      ...Buffer.from('\n1,'),
      0x93,
      0x8c,
      0x8b,
      0x9e,
    ]);
    expect((await refusal(japanese)).kind).toBe('protocol_error');
    expect(await reading(japanese, { encoding: 'shift_jis' })).toMatchObject({
      names: ['id', '名前'],
      rows: [['1', '東京']],
    });
    const broken = Buffer.concat([japanese, Buffer.from([0x93])]);
    expect((await refusal(broken, { encoding: 'shift_jis' })).message).toContain('not valid shift_jis');
    expect((await refusal(latin1, { encoding: 'klingon' })).kind).toBe('unsupported');
  });

  it('VA5: that may be UTF-16 although its first characters do not show it is asked for', async () => {
    const russian = Buffer.from('Имя,Город\n1,Москва\n', 'utf16le');
    const asked = await refusal(russian);
    expect([asked.kind, asked.remedy]).toEqual([
      'unsupported',
      expect.stringContaining('"encoding": "utf-16le"'),
    ]);
    expect((await reading(russian, { encoding: 'utf-16le' })).names).toEqual(['Имя', 'Город']);
    expect((await reading('a,b\0\n1,2\n', { encoding: 'utf-8' })).names).toEqual(['a', 'b\0']);
  });

  it('VA5: that has only ASCII in it, or characters that its decoder lacks, is asked for or refused', async () => {
    const mail = Buffer.from('a,b\n1,\u001b$BEl5~\u001b(B\n');
    expect((await refusal(mail)).remedy).toBe(
      'Set the encoding in the request: "file": {"encoding": "iso-2022-jp"} or "utf-8".',
    );
    expect((await reading(mail, { encoding: 'iso-2022-jp' })).rows).toEqual([['1', '東京']]);
    for (const [encoding, bytes] of [
      // Bytes for which Node's decoders have other characters than the Encoding Standard.
      ['euc-kr', [0x81, 0x41]],
      ['big5', [0x87, 0x40]],
      ['shift_jis', [0x7f]],
    ] as const) {
      const content = Buffer.from([...Buffer.from('a,b\n1,'), ...bytes, 0x0a]);
      expect((await refusal(content, { encoding })).message, encoding).toContain(`not valid ${encoding}`);
    }
    expect((await reading('a,b\n1,\x7f\n')).rows).toEqual([['1', '\x7f']]);
  });

  it('keeps a mark in the middle, which is a character there', async () => {
    expect((await reading('a,b\n\ufeff1,2\n')).rows).toEqual([['\ufeff1', '2']]);
  });
});

describe('line ends of CSV', () => {
  const rows = [
    ['1', 'Ann'],
    ['2', 'Ben\rB\nC'],
    ['3', 'Cid'],
  ];

  it('VA5: are LF, CR LF or CR, whichever the file has, and told', async () => {
    for (const lineEnd of ['\n', '\r\n', '\r'] as const) {
      const text = ['id,name', '1,Ann', '2,"Ben\rB\nC"', '3,Cid'].join(lineEnd);
      for (const content of [text, text + lineEnd])
        expect(await reading(content)).toMatchObject({
          ...{ names: ['id', 'name'], rows },
          file: { lineEnd: lineEnd === '\r' ? '\r' : '\n' },
        });
    }
    // What is told can be sent back, whatever the lines behind the first one end in.
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
  ])('VA6: of %s is found and told', async (_title, content, told) => {
    const { names, file } = await reading(content);
    expect(names).toEqual(['id', 'name']);
    expect(file).toMatchObject({ format: 'csv', encoding: 'utf-8', quote: '"', header: true, ...told });
    // What is told can be sent back.
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
    expect((await refusal('a,b\n"C:\\dir",2\n', { escape: '\\' })).message).toContain('invalid escape sequence');
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

describe('types of CSV columns', () => {
  const types: Readonly<Record<string, ColumnType>> = {
    i: 'integer',
    b: 'bigint',
    d: 'decimal',
    f: 'float',
    t: 'boolean',
    day: 'date',
    at: 'time',
    ts: 'timestamp',
    dt: 'datetime',
    j: 'json',
  };
  const names = Object.keys(types);

  it('VA6: hold their values exactly', async () => {
    const table = [
      [...names, 's'],
      [
        '-007',
        '9223372036854775807',
        '+0012.50',
        '0.1',
        'TRUE',
        '2024-02-29',
        '23:59:59.5',
        '2024-03-01 00:30:00.1234567+01:00',
        '2024-01-01T10:00',
        '{""a"":1.0}',
        '007',
      ],
      ['', '', '', '', '', '', '', '', '', '', ''],
      [
        '0',
        '-1',
        '.5',
        'NaN',
        '0',
        '0001-01-01',
        '00:00',
        '1970-01-01T00:00:00Z',
        '9999-12-31 23:59:59',
        '[1e400]',
        'x',
      ],
    ];
    const content = table.map((record) => record.map((field) => `"${field}"`).join(',')).join('\n');
    const { columns, rows } = await readAll(memoryFile('a.csv', content), { file: { columnTypes: types } });
    expect(Object.fromEntries(columns.map(({ name, type }) => [name, type]))).toEqual({
      ...types,
      s: 'string',
    });
    const asShown = rows.map((row) => JSON.parse(`[${row.map(doublesTextOf).join()}]`));
    expect(asShown).toEqual([
      [
        -7,
        '9223372036854775807',
        '12.50',
        0.1,
        true,
        '2024-02-29',
        '23:59:59.500000',
        '2024-02-29T23:30:00.123456700Z',
        '2024-01-01T10:00:00',
        { a: 1 },
        '007',
      ],
      [null, null, null, null, null, null, null, null, null, null, ''],
      [
        0,
        '-1',
        '0.5',
        'NaN',
        false,
        '0001-01-01',
        '00:00:00',
        '1970-01-01T00:00:00Z',
        '9999-12-31T23:59:59',
        '[1e400]',
        'x',
      ],
    ]);
  });

  it.each([
    ['i', '9007199254740993', 'holds an integer of more than 53 bits'],
    ['i', '1.5', 'holds text that is not a valid integer'],
    ['b', '9223372036854775808', 'holds an integer of more than 64 bits'],
    ['d', '1,5', 'holds text that is not a valid decimal'],
    ['f', '12345678901234567.89', 'holds a number with more digits than a float can keep'],
    ['t', 'yes', 'holds text that is not a valid boolean'],
    ['t', 'constructor', 'holds text that is not a valid boolean'],
    ['t', '__proto__', 'holds text that is not a valid boolean'],
    ['day', '2023-02-29', 'holds text that is not a valid date'],
    ['day', '01/02/2024', 'holds text that is not a valid date'],
    ['at', '24:00:00', 'holds text that is not a valid time'],
    ['ts', '2024-01-01 10:00:00', 'holds text that is not a valid timestamp'],
    ['ts', '0001-01-01T00:00:00+01:00', 'holds an instant outside the years 1 to 9999'],
    ['dt', '2024-01-01T10:00:00Z', 'holds text that is not a valid datetime'],
    ['j', '{""a"":1,""a"":2}', 'has a JSON object that repeats the name "a"'],
    ['j', '{', 'holds text that is not a valid json'],
  ] as const)('VA6: refuse what %s cannot hold: %s', async (name, value, problem) => {
    const columnTypes = { [name]: types[name] ?? 'string' };
    const content = `x,${name}\n1,\n2,"${value}"\n`;
    const error = await refusal(content, { columnTypes });
    expect([error.kind, error.message]).toEqual(['unsupported', `Column "${name}" of row 2 ${problem}.`]);
    expect(error.remedy).toContain(`"asText": ["${name}"]`);
    const asText = await readAll(memoryFile('a.csv', content), { file: { columnTypes }, asText: [name] });
    expect(asText.rows[1]?.[1]).toBe(value.replaceAll('""', '"'));
  });

  it('VA6: of columns that are not there are a mistake in a request, and none in a default', async () => {
    const columnTypes = { nope: 'integer' } as const;
    expect((await refusal('a\n1\n', { columnTypes })).message).toBe('The file has no column "nope".');
    const byDefault = await readAll(memoryFile('a.csv', 'a\n1\n'), { defaults: { columnTypes } });
    expect(byDefault.rows).toEqual([['1']]);
    // What is told can be sent back.
    expect((await reading('a\n1\n', byDefault.file)).rows).toEqual([['1']]);
    const defaults = { delimiter: '|', columnTypes: { a: 'integer' } } as const;
    const merged = await readAll(memoryFile('a.csv', 'a;b\n1;2\n'), { file: { delimiter: ';' }, defaults });
    expect(merged.rows).toEqual([[1, '2']]);
  });
});
