import type { SchemaNode } from './parquet-footer.js';
import type { LeafReader } from './parquet-leaf.js';
import type { ParquetCaps } from './parquet-limits.js';
import { variantDecoder } from './parquet-variant.js';

// Records out of the levels of Dremel's encoding, in time that is linear in the entries: each is looked at once for
// every level above it. https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#nested-types

/** Reads the next record of a top-level column. */
type NextRecord = () => unknown;

type Leaves = readonly LeafReader[];

function single(children: readonly SchemaNode[]): SchemaNode | undefined {
  return children.length === 1 ? children[0] : undefined;
}

const isRepeated = ({ element }: SchemaNode) => element.repetition_type === 'REPEATED';

/** The repeated node of a list, whose only child, if it has one, is the element. */
function listOf({ element, children }: SchemaNode): SchemaNode | undefined {
  const inner = element.converted_type === 'LIST' ? single(children) : undefined;
  return inner && isRepeated(inner) && inner.children.length <= 1 ? inner : undefined;
}

/** The repeated node of a map, with its key and its value. */
function mapOf({ element, children }: SchemaNode): SchemaNode | undefined {
  const inner = element.converted_type === 'MAP' ? single(children) : undefined;
  const isPair = inner?.children.length === 2 && !inner.children.some(isRepeated);
  return inner && isRepeated(inner) && isPair ? inner : undefined;
}

type Read = () => unknown;

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

  /** Takes the entries that stand for something that is not there. */
  #skip({ firstLeaf, endLeaf }: SchemaNode): void {
    for (let leaf = firstLeaf; leaf < endLeaf; leaf += 1) this.#leaves[leaf]?.take();
  }

  /** A node as often as it says that it may be there. */
  field(node: SchemaNode): Read {
    const one = this.#one(node);
    if (isRepeated(node)) return this.#repeated(node, one);
    if (node.element.repetition_type !== 'OPTIONAL') return one;
    const first = this.#first(node);
    return () => {
      if (first.definition() >= node.definition) return one();
      this.#skip(node);
      return null;
    };
  }

  #repeated(node: SchemaNode, one: Read): () => unknown[] {
    const first = this.#first(node);
    return () => {
      const items: unknown[] = [];
      if (first.definition() < node.definition) {
        this.#skip(node);
        return items;
      }
      do items.push(one());
      while (first.repetition() === node.repetition);
      return items;
    };
  }

  /** A node that is there. */
  #one(node: SchemaNode): Read {
    const leaf = this.#first(node);
    if (node.children.length === 0) return () => leaf.take();
    const list = listOf(node);
    if (list) {
      const item = single(list.children);
      return this.#repeated(list, item ? this.field(item) : this.#one(list));
    }
    const map = mapOf(node);
    return map ? this.#map(map) : this.#struct(node);
  }

  #map(map: SchemaNode): Read {
    const [key, value] = map.children.map((child) => this.field(child));
    if (!key || !value) throw new Error('no map');
    const pairs = this.#repeated(map, () => [String(key()), value()]);
    return () => Object.fromEntries(pairs() as [string, unknown][]);
  }

  #struct(node: SchemaNode): Read {
    const fields = node.children.map((child) => [child.element.name, this.field(child)] as const);
    const read = () => Object.fromEntries(fields.map(([name, field]) => [name, field()]));
    if (node.element.logical_type?.type !== 'VARIANT') return read;
    const decode = variantDecoder(this.#json);
    return () => decode(read());
  }
}

/** Opens a nested column; `leaves` holds its readers where the schema has its leaves. */
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
