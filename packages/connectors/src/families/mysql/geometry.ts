import { jsonTextOf } from '../../interface/data-types.js';
import { brokenFrame } from '../../kit/frame-guard.js';

// MySQL and MariaDB send a geometry as a four-byte SRID, followed by well-known binary (OGC 06-103r4).

const SRID_BYTES = 4;
const POINT_BYTES = 16;
const depthMax = 32;

const names = [
  'GEOMETRY',
  'POINT',
  'LINESTRING',
  'POLYGON',
  'MULTIPOINT',
  'MULTILINESTRING',
  'MULTIPOLYGON',
  'GEOMETRYCOLLECTION',
];
const point = 1;
const lineString = 2;
const polygon = 3;
const collection = 7;

class GeometryReader {
  private readonly bytes: Buffer;
  private at = SRID_BYTES;
  private isLittle = true;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  read(): string {
    const text = this.geometry(1, true);
    if (this.at !== this.bytes.length) throw brokenFrame();
    return text;
  }

  /** @param isNamed false within a homogeneous collection, whose parts are unnamed */
  private geometry(depth: number, isNamed: boolean): string {
    if (depth > depthMax) throw brokenFrame();
    this.need(5);
    this.isLittle = this.bytes[this.at] === 1;
    this.at += 1;
    const kind = this.integer();
    const name = names[kind];
    if (name === undefined || kind === 0) throw brokenFrame();
    const body = this.body(kind, depth);
    return isNamed ? `${name}${body.startsWith('(') ? '' : ' '}${body}` : body;
  }

  private body(kind: number, depth: number): string {
    if (kind === point) return `(${this.point()})`;
    if (kind === lineString) return this.points();
    if (kind === polygon) return this.list(4, () => this.points());
    return this.list(5, () => this.geometry(depth + 1, kind === collection));
  }

  private points(): string {
    return this.list(POINT_BYTES, () => this.point());
  }

  private point(): string {
    return `${jsonTextOf(this.double())} ${jsonTextOf(this.double())}`;
  }

  /** @param itemBytes minimum bytes per item, so that a count cannot claim more than the data holds */
  private list(itemBytes: number, item: () => string): string {
    const count = this.integer();
    this.need(count * itemBytes);
    if (count === 0) return 'EMPTY';
    return `(${Array.from({ length: count }, item).join(',')})`;
  }

  private integer(): number {
    this.need(4);
    const value = this.isLittle ? this.bytes.readUInt32LE(this.at) : this.bytes.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  private double(): number {
    this.need(8);
    const value = this.isLittle ? this.bytes.readDoubleLE(this.at) : this.bytes.readDoubleBE(this.at);
    this.at += 8;
    return value;
  }

  private need(bytes: number): void {
    if (this.at + bytes > this.bytes.length) throw brokenFrame();
  }
}

/**
 * A geometry as extended well-known text, with its SRID if it has one: `SRID=4326;POINT(1 2)`. Coordinates keep the
 * order of the server, which for MySQL is longitude before latitude.
 */
export function geometryText(bytes: Buffer): string {
  if (bytes.length < SRID_BYTES) throw brokenFrame();
  const srid = bytes.readUInt32LE(0);
  const text = new GeometryReader(bytes).read();
  return srid === 0 ? text : `SRID=${srid};${text}`;
}
