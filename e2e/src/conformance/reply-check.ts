import ts from 'typescript';

/** Violations of the type, and members beyond it; paths look like `data[].qID`. */
export interface Findings {
  faults: readonly string[];
  /** Members that the type does not know. */
  extras: readonly string[];
}

const nothing: Findings = { faults: [], extras: [] };
const deepest = 8;

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

const isObject = (value: unknown): value is Record<string, unknown> => kindOf(value) === 'object';

const merged = (parts: readonly Findings[]): Findings => ({
  faults: [...new Set(parts.flatMap(({ faults }) => faults))],
  extras: [...new Set(parts.flatMap(({ extras }) => extras))],
});

const anything = ts.TypeFlags.Any | ts.TypeFlags.Unknown;

/** Checks values against types as the compiler sees them. */
export function replyChecker(checker: ts.TypeChecker) {
  // Of `unknown` the compiler makes `{}`.
  const withoutUndefined = (type: ts.Type) =>
    type.flags & anything ? type : checker.getNonNullableType(type);

  const fault = (place: string, value: unknown, type: ts.Type): Findings => ({
    faults: [`${place} is ${kindOf(value)}, not ${checker.typeToString(type)}`],
    extras: [],
  });

  function checkUnion(value: unknown, type: ts.UnionType, place: string, depth: number): Findings {
    const answers = type.types.map((one) => check(value, one, place, depth));
    const right = answers.filter(({ faults }) => faults.length === 0);
    const [best] = right.toSorted((a, b) => a.extras.length - b.extras.length);
    if (best) return best;
    const [closest] = answers.toSorted((a, b) => a.faults.length - b.faults.length);
    return isObject(value) && closest ? closest : fault(place, value, type);
  }

  function checkMembers(value: object, type: ts.Type, place: string, depth: number): Findings {
    const given = value as Record<string, unknown>;
    const known = checker.getPropertiesOfType(type);
    const index = checker.getIndexTypeOfType(type, ts.IndexKind.String);
    const at = (name: string) => (place === '' ? name : `${place}.${name}`);
    const parts = known.map((member): Findings => {
      const here = given[member.name];
      const isOptional = (member.flags & ts.SymbolFlags.Optional) !== 0;
      if (here === undefined) {
        return isOptional ? nothing : { faults: [`${at(member.name)} is missing`], extras: [] };
      }
      return check(here, withoutUndefined(checker.getTypeOfSymbol(member)), at(member.name), depth + 1);
    });
    const names = new Set(known.map(({ name }) => name));
    const others = Object.keys(given).filter((name) => !names.has(name));
    if (index) parts.push(...others.map((name) => check(given[name], index, at('*'), depth + 1)));
    else parts.push({ faults: [], extras: others.map(at) });
    return merged(parts);
  }

  function checkPlain(value: unknown, type: ts.Type, place: string): Findings | undefined {
    const { flags } = type;
    const verdict = (isRight: boolean) => (isRight ? nothing : fault(place, value, type));
    if (flags & anything) return nothing;
    // The client returns the empty string for a reply without a body.
    if (flags & (ts.TypeFlags.Void | ts.TypeFlags.Undefined))
      return verdict(value === undefined || value === '');
    if (flags & ts.TypeFlags.Null) return verdict(value === null);
    if (type.isStringLiteral() || type.isNumberLiteral()) return verdict(value === type.value);
    if (flags & ts.TypeFlags.BooleanLiteral) return verdict(String(value) === checker.typeToString(type));
    if (flags & ts.TypeFlags.String) return verdict(typeof value === 'string');
    if (flags & ts.TypeFlags.Number) return verdict(typeof value === 'number');
    return undefined;
  }

  /** @returns findings of `value`, of its members and of theirs */
  function check(value: unknown, type: ts.Type, place = '', depth = 0): Findings {
    if (depth > deepest) return nothing;
    const plain = checkPlain(value, type, place);
    if (plain) return plain;
    if (type.isUnion()) return checkUnion(value, type, place, depth);
    if (checker.isArrayType(type)) {
      if (!Array.isArray(value)) return fault(place, value, type);
      const [element] = checker.getTypeArguments(type as ts.TypeReference);
      return element
        ? merged(value.map((one: unknown) => check(one, element, `${place}[]`, depth + 1)))
        : nothing;
    }
    if (!isObject(value)) return fault(place === '' ? 'the body' : place, value, type);
    return checkMembers(value, type, place, depth);
  }
  return check;
}
