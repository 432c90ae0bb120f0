/** Knows every secret of the walk: what to mask in print, and what the service must never give back. */
export interface SecretValues {
  /** Printed as ••• from now on. */
  hide(value: string): void;
  /** Hidden, and counted by `countIn`: it was handed to the service, which must keep it to itself. */
  entrust(value: string): void;
  mask(text: string): string;
  /** How many of the entrusted values occur, as they are, in base64 or in hexadecimal. */
  countIn(bytes: Buffer): number;
}

const masked = '•••';
/** Shorter values would also hit ordinary words. */
const lengthMin = 8;

/** Base64 at each of the three offsets a value can have in a longer text, without the letters its neighbours share. */
function base64Forms(value: string): string[] {
  return [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const text = bytes.toString('base64').replace(/=+$/, '');
    return text.slice(offset === 0 ? 0 : offset + 1, -1);
  });
}

/** Starts empty. */
export function createSecretValues(): SecretValues {
  const hidden = new Set<string>();
  const entrusted = new Set<string>();
  const hide = (value: string) => {
    if (value.length >= lengthMin) hidden.add(value);
  };
  return {
    hide,
    entrust(value) {
      hide(value);
      if (value.length >= lengthMin) entrusted.add(value);
    },
    mask(text) {
      const longestFirst = [...hidden].toSorted((left, right) => right.length - left.length);
      return longestFirst.reduce((rest, value) => rest.replaceAll(value, masked), text);
    },
    countIn(bytes) {
      const forms = (value: string) => [value, ...base64Forms(value), Buffer.from(value).toString('hex')];
      return [...entrusted].filter((value) => forms(value).some((form) => bytes.includes(form))).length;
    },
  };
}
