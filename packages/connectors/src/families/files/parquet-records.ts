import type { Cell, ValueShape } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { listOf as listCell, objectOf } from '../../kit/json/cells.js';
import { quoted } from '../../kit/json/failures.js';
import { Misfit } from '../../kit/misfit.js';
import type { SchemaNode } from './parquet-footer.js';
import type { LeafReader } from './parquet-leaf.js';
import type { ParquetCaps } from './parquet-limits.js';
import { isNested, leafPlan } from './parquet-types.js';

// Assembles records from Dremel levels in time linear in the entries: each is inspected once for every level above it.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#nested-types

/**
 * Reads the next record of a top-level column.
 * @throws Misfit for a value that JSON cannot represent
 */
type NextRecord = () => Cell;

type Leaves = readonly LeafReader[];

const isRepeated = ({ element }: SchemaNode) => element.repetition_type === 'REPEATED';

const annotationOf = ({ element }: SchemaNode) => element.logical_type?.type ?? element.converted_type;

/** The only child of a list or map, if it is repeated. */
function repeatedChild({ children }: SchemaNode): SchemaNode | undefined {
  const [child, ...others] = children;
  return child && others.length === 0 && isRepeated(child) ? child : undefined;
}

interface List {
  repeated: SchemaNode;
  /** Element of the list; absent: the repeated node itself, as older writers have it. */
  item?: SchemaNode;
}

function listOf(node: SchemaNode): List | undefined {
  const entries = entriesOf(node);
  const [key, ...values] = entries?.children ?? [];
  if (entries && key && values.length === 0) return { repeated: entries, item: key };
  const repeated = annotationOf(node) === 'LIST' ? repeatedChild(node) : undefined;
  if (!repeated) return undefined;
  const [item, ...others] = repeated.children;
  const { name } = repeated.element;
  const isItem =
    others.length > 0 ||
    name === 'array' ||
    name === `${node.element.name}_tuple` ||
    ['LIST', 'MAP'].includes(annotationOf(repeated) ?? '') ||
    (item && isRepeated(item));
  return item && !isItem ? { repeated, item } : { repeated };
}

/** The repeated node of a map, with its key and, unless the map is a set, its value. */
function entriesOf(node: SchemaNode): SchemaNode | undefined {
  const isMap = ['MAP', 'MAP_KEY_VALUE'].includes(annotationOf(node) ?? '');
  const inner = isMap ? repeatedChild(node) : undefined;
  return inner?.children.some(isRepeated) ? undefined : inner;
}

function mapOf(node: SchemaNode): SchemaNode | undefined {
  const entries = entriesOf(node);
  return entries?.children.length === 2 ? entries : undefined;
}

/**
 * The shape of the values of a top-level column.
 * @throws ConnectorError `unsupported` for an unsupported type
 */
export function shapeOf(node: SchemaNode, json: ParquetCaps['json']): ValueShape {
  if (!isNested(node)) return leafPlan(node.element, json).shape;
  assertReadable(node, node.element.name);
  if (isRepeated(node)) return { type: 'json', element: itemShape(node, json) };
  const list = listOf(node);
  return list ? { type: 'json', element: itemShape(list.item ?? list.repeated, json) } : { type: 'json' };
}

function itemShape(item: SchemaNode, json: ParquetCaps['json']): ValueShape {
  if (item.children.length === 0) return leafPlan(item.element, json).shape;
  const list = listOf(item);
  return list ? { type: 'json', element: itemShape(list.item ?? list.repeated, json) } : { type: 'json' };
}

function assertReadable(node: SchemaNode, column: string): void {
  if (annotationOf(node) === 'VARIANT') {
    throw new ConnectorError(
      'unsupported',
      `Column ${quoted(column)} is a VARIANT, which is not supported.`,
      {
        remedy: 'Request only the other columns with "columns", or write this one as a JSON string.',
      },
    );
  }
  const names = node.children.map(({ element }) => element.name);
  const doubled = names.find((name, at) => names.indexOf(name) !== at);
  if (doubled !== undefined) {
    throw new ConnectorError(
      'unsupported',
      `Column ${quoted(column)} has two fields named ${quoted(doubled)}.`,
      { remedy: 'Request only the other columns with "columns", or rename one of the fields.' },
    );
  }
  for (const child of node.children) assertReadable(child, column);
}

type Read = () => Cell;

class Assembler {
  readonly #leaves: Leaves;
  readonly #json: ParquetCaps['json'];

  constructor(leaves: Leaves, json: ParquetCaps['json']) {
    this.#leaves = leaves;
    this.#json = json;
  }

  #first(node: SchemaNode): LeafReader {
    const leaf = this.#leaves[node.firstLeaf];
    if (!leaf) throw new Error('no such leaf');
    return leaf;
  }

  /** Consumes the entries that stand for an absent value. */
  #skip({ firstLeaf, endLeaf }: SchemaNode): void {
    for (let leaf = firstLeaf; leaf < endLeaf; leaf += 1) this.#leaves[leaf]?.take();
  }

  /** A node with its repetition (required, optional or repeated). */
  field(node: SchemaNode): Read {
    const one = this.#one(node);
    if (isRepeated(node)) {
      const items = this.#repeated(node, one);
      return () => listCell(items());
    }
    if (node.element.repetition_type !== 'OPTIONAL') return one;
    const first = this.#first(node);
    return () => {
      if (first.definition() >= node.definition) return one();
      this.#skip(node);
      return null;
    };
  }

  #repeated<Item>(node: SchemaNode, one: () => Item): () => Item[] {
    const first = this.#first(node);
    return () => {
      const items: Item[] = [];
      if (first.definition() < node.definition) {
        this.#skip(node);
        return items;
      }
      do items.push(one());
      while (first.repetition() === node.repetition);
      return items;
    };
  }

  #leaf(node: SchemaNode): Read {
    const leaf = this.#first(node);
    return () => leaf.take() ?? null;
  }

  /** A node that is present. */
  #one(node: SchemaNode): Read {
    if (node.children.length === 0) return this.#leaf(node);
    const list = listOf(node);
    if (list) {
      const items = this.#repeated(
        list.repeated,
        list.item ? this.field(list.item) : this.#one(list.repeated),
      );
      return () => listCell(items());
    }
    const map = mapOf(node);
    return map ? this.#map(map) : this.#struct(node);
  }

  #map(map: SchemaNode): Read {
    const [keyNode, valueNode] = map.children as [SchemaNode, SchemaNode];
    const [key, value] = [this.field(keyNode), this.field(valueNode)];
    const pairs = this.#repeated(map, () => [key(), value()] as const);
    if (!isNested(keyNode) && leafPlan(keyNode.element, this.#json).shape.type === 'string') {
      return () => objectOf(distinct(pairs()));
    }
    return () =>
      listCell(
        pairs().map(([name, item]) =>
          objectOf([
            ['key', name],
            ['value', item],
          ]),
        ),
      );
  }

  #struct(node: SchemaNode): Read {
    const fields = node.children.map((child) => [child.element.name, this.field(child)] as const);
    return () => objectOf(fields.map(([name, field]) => [name, field()] as const));
  }
}

/** @throws Misfit where an object could not keep every entry of the map */
function distinct(pairs: (readonly [Cell, Cell])[]): (readonly [string, Cell])[] {
  const seen = new Set<Cell>();
  for (const [key] of pairs) {
    if (typeof key !== 'string') throw new Misfit('holds a map with a null key');
    if (seen.has(key)) throw new Misfit(`holds a map that repeats the key ${quoted(key)}`);
    seen.add(key);
  }
  return pairs as (readonly [string, Cell])[];
}

/** Opens a nested column; `leaves` has a reader at the position of each leaf of the schema. */
export function openRecords(column: SchemaNode, leaves: Leaves, json: ParquetCaps['json']): NextRecord {
  const read = new Assembler(leaves, json).field(column);
  const own = leaves.slice(column.firstLeaf, column.endLeaf);
  return () => {
    for (const leaf of own) leaf.beginRecord();
    const value = read();
    for (const leaf of own) leaf.endRecord();
    return value;
  };
}
