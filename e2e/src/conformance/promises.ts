import { createRequire } from 'node:module';
import ts from 'typescript';
import { type Findings, replyChecker } from './reply-check.js';

// What the type definitions of `@qlik/api` promise of each function, read by the compiler at run time.

/** Of one function of one module. */
export interface Promised {
  /** Whether the type of the answer has `next` and `prev`. */
  pages: boolean;
  /** Compares an answer with the type that belongs to its status; a status without a type is a fault. */
  check(answer: { status: number; data?: unknown }): Findings;
}

const require = createRequire(import.meta.url);

function memberType(checker: ts.TypeChecker, type: ts.Type, name: string): ts.Type | undefined {
  const member = type.getProperty(name);
  return member && checker.getTypeOfSymbol(member);
}

/**
 * @param modules below `@qlik/api/`
 * @returns looks up one exported function
 * @throws Error when the definitions have no such function
 */
export function readPromises(
  modules: readonly string[],
): (moduleName: string, functionName: string) => Promised {
  const fileOf = (name: string) => require.resolve(`@qlik/api/${name}`).replace(/\.js$/, '.d.ts');
  const program = ts.createProgram(modules.map(fileOf), {
    strict: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  });
  const checker = program.getTypeChecker();
  const checkReply = replyChecker(checker);

  return (moduleName, functionName) => {
    const source = program.getSourceFile(fileOf(moduleName));
    const symbol = source && checker.getSymbolAtLocation(source);
    const found = symbol && checker.getExportsOfModule(symbol).find((one) => one.name === functionName);
    const [signature] = found ? checker.getTypeOfSymbol(found).getCallSignatures() : [];
    const answer = signature && checker.getAwaitedType(signature.getReturnType());
    if (!answer) throw new Error(`The definitions of ${moduleName} have no function ${functionName}`);
    const answers = answer.isUnion() ? answer.types : [answer];
    return {
      pages: answers.some((one) => one.getProperty('next') !== undefined),
      check({ status, data }) {
        const fitting = answers.find((one) => {
          const wanted = memberType(checker, one, 'status');
          return wanted?.isNumberLiteral() === true && wanted.value === status;
        });
        const type = fitting && memberType(checker, fitting, 'data');
        if (!type) return { faults: [`the status is ${status}`], extras: [] };
        return checkReply(data, type);
      },
    };
  };
}
