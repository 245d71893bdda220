/** Most keys that the outermost object of a text may have: each is compared with all others. */
export const jsonOuterKeysMax = 256;

/** A key that makes an object of a form that the text did not have before counts so many parts. */
const newFormParts = 10;
/** A text shorter than this, in characters, cannot hold enough to be slow: the forms of its objects are not counted. */
const shortText = 8 * 1024;
/** How many forms are remembered, more than any text may have (250,000 parts); beyond it each counts as new. */
const formsKept = 32 * 1024;
/** A key with its value takes so many characters at least. */
const memberMinLength = 5;
/** Of a longer key the beginning and the end stand for all of it, characters. */
const keyEnds = 16;
/** Not known to strangers: they cannot make up keys that look alike. */
const seed = Math.floor(Math.random() * 0x3fff_ffff);

const quote = 0x22;
const backslash = 0x5c;

/** What one pass over a JSON text tells about it (protocols §3.17). */
export interface JsonShape {
  /** Deepest nesting of objects and arrays. */
  readonly depth: number;
  /** The outermost object has the same key twice. */
  readonly repeated: boolean;
  /** Keys of the outermost object. */
  readonly outerKeys: number;
  /**
   * What it costs to parse: each value is one part, a text, an object or a list one more, and a key that gives its
   * object a form that none before had (other keys, or the same in another order) ten more. Parsers keep each form for
   * itself: 100,000 different keys of 10 bytes take 100 ms, 100,000 in rows of a table 8 ms.
   */
  readonly parts: number;
}

/** How far a text is looked at; beyond it its shape says so much. */
export interface JsonShapeMost {
  readonly depth: number;
  readonly parts: number;
}

/**
 * The shape of a text that JSON.parse accepts; of any other, something. One pass that allocates only the outermost
 * keys, and ends where there is more of anything than there may be.
 */
export function jsonShape(text: string, most: JsonShapeMost = { depth: Infinity, parts: Infinity }): JsonShape {
  const forms = text.length < shortText ? undefined : new Forms(text.length);
  /** The form of each object around the place so far; 0 for a list. */
  const around: number[] = [];
  let form = 0;
  let depth = 0;
  let deepest = 0;
  let parts = 0;
  let repeated = false;
  let keyNext = false;
  const keys: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const start = at;
      at = closingQuote(text, start);
      if (!keyNext) {
        parts += 1;
        continue;
      }
      keyNext = false;
      if (forms !== undefined) {
        form = formWith(form, text, start + 1, at);
        if (forms.isNew(form)) parts += newFormParts;
      }
      if (depth > 1) continue;
      const raw = text.slice(start, at + 1);
      const key = raw.includes("\\") ? String(JSON.parse(raw)) : raw.slice(1, -1);
      repeated ||= keys.includes(key);
      if (keys.push(key) > jsonOuterKeysMax) break;
    } else if (code === 0x2c) {
      parts += 1;
      keyNext = form !== 0;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
      parts += 1;
      if (depth > most.depth || parts > most.parts) break;
      around.push(form);
      keyNext = code === 0x7b;
      form = keyNext ? seed | 1 : 0;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
      form = around.pop() ?? 0;
      keyNext = false;
    }
  }
  return { depth: deepest, repeated, outerKeys: keys.length, parts };
}

/** True for a JSON text with more than `levels` levels of objects and lists. It allocates nothing and ends there. */
export function isNestedDeeper(text: string, levels: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) at = closingQuote(text, at);
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > levels) return true;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return false;
}

/** The forms that a text has had: a table of numbers other than 0, half full at most. */
class Forms {
  readonly #table: Int32Array;
  #left: number;

  /** @param length of the text, characters */
  constructor(length: number) {
    this.#left = Math.min(formsKept, Math.ceil(length / memberMinLength));
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.#left)));
  }

  /** True if it has not been asked for this form before. */
  isNew(form: number): boolean {
    const table = this.#table;
    const last = table.length - 1;
    // The lowest bit of a form is always set.
    let at = (form >>> 1) & last;
    for (; table[at] !== 0; at = (at + 1) & last) if (table[at] === form) return false;
    if (this.#left > 0) {
      this.#left -= 1;
      table[at] = form;
    }
    return true;
  }
}

/** The form of an object that has one key more, which stands between `start` and `end`: never 0. */
function formWith(form: number, text: string, start: number, end: number): number {
  let mixed = form;
  const isShort = end - start <= 2 * keyEnds;
  for (let at = start; at < end; at += 1) {
    mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193);
    if (!isShort && at === start + keyEnds) at = end - keyEnds;
  }
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ (end - start), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) | 1;
}

/**
 * The index of the closing quote of the string that starts at `start`: the next quote after an even number of
 * backslashes. `indexOf` is native and fast.
 */
function closingQuote(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end === -1) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}
