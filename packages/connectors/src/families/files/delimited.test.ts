import { describe, expect, it } from 'vitest';
import { columnNames } from './delimited.js';
import { memoryFile, readAll, readFailure, reading, refusal } from './memory-file.js';

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

  it('D10: return names such as __proto__ literally', async () => {
    const { columns, rows } = await readAll(memoryFile('a.csv', '__proto__,constructor,toString\n1,2,3\n'), {
      columns: ['toString', '__proto__'],
    });
    expect(columns.map(({ name }) => name)).toEqual(['toString', '__proto__']);
    expect(rows).toEqual([['3', '1']]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('D17: read a byte order mark, CRLF, NUL and UTF-16, and do not change formula cells', async () => {
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

  it('VA5: follows from a mark or from its first characters, in UTF-16 and UTF-32', async () => {
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

  it('VA5: that is a different one is refused by record and column, and read when the request names it', async () => {
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
