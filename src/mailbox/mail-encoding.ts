import { Packr } from "msgpackr";
import { crc32 } from "node:zlib";
import { countsOf, moved, type BoxRow, type MailRow } from "./mail-row.js";

/**
 * The fields of what is packed, in order: each value begins with the number of its list and leaves the names out. A
 * list is never changed, also not in its order: what has other fields gets one more list at the end, so that old rows
 * can be read, also from a store of which nothing else can be.
 */
const structures = [
  [
    ...["secret", "sender", "from", "messageId", "type", "priority", "trust", "storedAt", "until"],
    ...["bytes", "digest", "receipt", "state", "attempts", "reason", "leaseMs", "goesAt"],
  ],
  [
    "name",
    "mode",
    "trust",
    "rooms",
    "keepMs",
    "max",
    "maxBytes",
    "openedAt",
    "nextSeq",
    "proof",
    "awaySince",
    "counts",
  ],
  ["stored", "waiting", "leased", "done", "answered", "refused", "expired", "dead", "bytes", "deadBytes"],
];

/** What a value is, or a part of it, as its seal says it. */
const kinds = { row: 1, body: 2, box: 3, turn: 4 } as const;
const sealBytes = 4;
/** At the end of a value with a row: how many bytes the row takes, with its seal; its body follows it, if it is here. */
const lengthBytes = 2;
/** How a row waits: one byte for its state, two for its attempts, four for its lease or pause. */
const turnBytes = 7;
const noLease = 0xffff_ffff;

const packr = new Packr({ structures });

/** A row as it is packed: without its place, which is its key, and with null for what is not there. */
type PackedRow = Required<Omit<MailRow, "box" | "seq" | "reason" | "leaseMs" | "goesAt">> & {
  readonly reason: string | null;
  readonly leaseMs: number | null;
  readonly goesAt: number | null;
};

/** A box as it is packed. */
type PackedBox = Required<Omit<BoxRow, "id" | "proof" | "awaySince">> & {
  readonly proof: string | null;
  readonly awaySince: number | null;
};

/**
 * Rows, boxes and bodies as values, each with a seal: a checksum into which goes what it is, where it belongs, and a
 * secret of the store. Without that a body could hold what salvage takes for a box or a row of somebody else.
 */
export class MailEncoding {
  readonly #secret: number;

  /** @param secret 32 random bits */
  constructor(secret: number) {
    this.#secret = secret;
  }

  // Written out field by field, here and below: with spreads a row takes 14 µs, so 0.7 µs.
  /** The value of a row, and of its body if that is to lie with it. */
  packRow(row: MailRow, body?: Uint8Array): Buffer {
    const packed: PackedRow = {
      secret: row.secret,
      sender: row.sender,
      from: row.from,
      messageId: row.messageId,
      type: row.type,
      priority: row.priority,
      trust: row.trust,
      storedAt: row.storedAt,
      until: row.until,
      bytes: row.bytes,
      digest: row.digest,
      receipt: row.receipt,
      state: row.state,
      attempts: row.attempts,
      reason: row.reason ?? null,
      leaseMs: row.leaseMs ?? null,
      goesAt: row.goesAt ?? null,
    };
    const bytes = packr.pack(packed);
    const end = bytes.length + sealBytes;
    const value = Buffer.allocUnsafe(end + (body === undefined ? 0 : body.length + sealBytes) + lengthBytes);
    seal(value, 0, bytes, this.#seed(kinds.row, row.box, row.seq));
    if (body !== undefined) seal(value, end, body, this.#seed(kinds.body, row.box, row.seq));
    value.writeUInt16LE(end, value.length - lengthBytes);
    return value;
  }

  /** The row of a value, or undefined if it was not packed as this row. Nothing of the value is kept. */
  unpackRow(value: Buffer, box: number, seq: number): MailRow | undefined {
    const end = rowEnd(value);
    if (!isWhole(value, 0, end, this.#seed(kinds.row, box, seq))) return undefined;
    const packed = unpack(value, end) as PackedRow; // its seal is whole
    const row: { -readonly [Field in keyof MailRow]: MailRow[Field] } = {
      box,
      seq,
      secret: packed.secret,
      sender: packed.sender,
      from: packed.from,
      messageId: packed.messageId,
      type: packed.type,
      priority: packed.priority,
      trust: packed.trust,
      storedAt: packed.storedAt,
      until: packed.until,
      bytes: packed.bytes,
      digest: packed.digest,
      receipt: packed.receipt,
      state: packed.state,
      attempts: packed.attempts,
    };
    if (packed.reason !== null) row.reason = packed.reason;
    if (packed.leaseMs !== null) row.leaseMs = packed.leaseMs;
    if (packed.goesAt !== null) row.goesAt = packed.goesAt;
    return row;
  }

  /** The value of a box, without its number, which is its key. */
  packBox(box: BoxRow): Buffer {
    const packed: PackedBox = {
      name: box.name,
      mode: box.mode,
      trust: box.trust,
      rooms: box.rooms,
      keepMs: box.keepMs,
      max: box.max,
      maxBytes: box.maxBytes,
      openedAt: box.openedAt,
      nextSeq: box.nextSeq,
      proof: box.proof ?? null,
      awaySince: box.awaySince ?? null,
      counts: countsOf(box.counts),
    };
    return this.#sealed(packr.pack(packed), this.#seed(kinds.box, box.id, 0));
  }

  /** The box of a value, or undefined if it was not packed as this box. */
  unpackBox(value: Buffer, id: number): BoxRow | undefined {
    if (!this.#isWhole(value, this.#seed(kinds.box, id, 0))) return undefined;
    const { proof, awaySince, ...packed } = unpack(value) as PackedBox; // its seal is whole
    return { id, ...packed, ...(proof === null ? {} : { proof }), ...(awaySince === null ? {} : { awaySince }) };
  }

  /**
   * A copy of the body that lies with a row; `"apart"` if none does, undefined if it is damaged, or the place of the row.
   */
  bodyWith(value: Buffer, box: number, seq: number): Buffer | "apart" | undefined {
    const start = rowEnd(value);
    const end = value.length - lengthBytes;
    if (start === end) return "apart";
    if (!isWhole(value, start, end, this.#seed(kinds.body, box, seq))) return undefined;
    return Buffer.from(value.subarray(start, end - sealBytes));
  }

  /** The value of a body that lies apart from its row. */
  packBody(body: Uint8Array, box: number, seq: number): Buffer {
    return this.#sealed(body, this.#seed(kinds.body, box, seq));
  }

  /** The bytes of a body, or undefined if they are not those of this row. */
  unpackBody(value: Buffer, box: number, seq: number): Buffer | undefined {
    const isWhole = this.#isWhole(value, this.#seed(kinds.body, box, seq));
    return isWhole ? value.subarray(0, value.length - sealBytes) : undefined;
  }

  /** How a row waits, or is leased. */
  packTurn({ box, seq, state, attempts, leaseMs }: MailRow): Buffer {
    const value = Buffer.allocUnsafe(turnBytes + sealBytes);
    value[0] = state === "leased" ? 1 : 0;
    value.writeUInt16LE(attempts, 1);
    value.writeUInt32LE(leaseMs ?? noLease, 3);
    value.writeUInt32LE(crc32(value.subarray(0, turnBytes), this.#seed(kinds.turn, box, seq)), turnBytes);
    return value;
  }

  /** True if the value is as long as those of {@link packTurn}. */
  maybeTurn(value: Buffer): boolean {
    return value.length === turnBytes + sealBytes;
  }

  /** The row as it waits, or undefined if the value was not packed for this row. */
  unpackTurn(value: Buffer, row: MailRow): MailRow | undefined {
    const { box, seq } = row;
    if (!this.maybeTurn(value) || !this.#isWhole(value, this.#seed(kinds.turn, box, seq))) return undefined;
    const leaseMs = value.readUInt32LE(3);
    const state = value[0] === 1 ? "leased" : "waiting";
    return moved(row, { state, attempts: value.readUInt16LE(1), ...(leaseMs !== noLease && { leaseMs }) });
  }

  /** The bytes, then their checksum, into which goes what they are and where they belong. */
  #sealed(bytes: Uint8Array, from: number): Buffer {
    const value = Buffer.allocUnsafe(bytes.length + sealBytes);
    seal(value, 0, bytes, from);
    return value;
  }

  #isWhole(value: Buffer, from: number): boolean {
    return isWhole(value, 0, value.length, from);
  }

  /** Where a checksum begins: another number for another kind, box or sequence. */
  #seed(kind: number, box: number, seq: number): number {
    return (
      (Math.imul(box, 0x9e3779b1) ^
        Math.imul(seq, 0x85ebca6b) ^
        Math.floor(seq / 2 ** 32) ^
        (kind << 28) ^
        this.#secret) >>>
      0
    );
  }
}

/** Writes bytes and their checksum. */
function seal(value: Buffer, at: number, bytes: Uint8Array, from: number): void {
  value.set(bytes, at);
  value.writeUInt32LE(crc32(bytes, from), at + bytes.length);
}

function isWhole(value: Buffer, start: number, end: number, from: number): boolean {
  const sealed = end - sealBytes;
  return sealed >= start && crc32(value.subarray(start, sealed), from) === value.readUInt32LE(sealed);
}

/** Where the row of a value ends; 0 if the value cannot be one of a row. */
function rowEnd(value: Buffer): number {
  if (value.length < lengthBytes) return 0;
  const end = value.readUInt16LE(value.length - lengthBytes);
  return end <= value.length - lengthBytes ? end : 0;
}

// The length of a value is not always that of its bytes: lmdb reads into the same ones again and again.
function unpack(value: Buffer, end = value.length): unknown {
  return packr.unpack(value.subarray(0, end - sealBytes));
}
