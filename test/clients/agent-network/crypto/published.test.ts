import { beforeAll, describe, expect, it } from "vitest";
import { hkdf, shared } from "../../../../clients/typescript/agent-network/crypto/derive.js";
import {
  agreementPair,
  publicOfAgreement,
  publicOfSigning,
  signingPair,
} from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { decrypt, encrypt } from "../../../../clients/typescript/agent-network/crypto/sealed.js";
import { isSigned, sign } from "../../../../clients/typescript/agent-network/crypto/signature.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { ofHex, toHex } from "./hex.js";

beforeAll(ready);

describe("X25519", () => {
  it.each([
    {
      about: "RFC 7748 §5.2, the first",
      scalar: "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
      point: "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
      result: "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    },
    {
      about: "RFC 7748 §5.2, the second, whose point has its highest bit set",
      scalar: "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
      point: "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
      result: "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    },
  ])("multiplies: $about", ({ scalar, point, result }) => {
    expect(toHex(shared(ofHex(scalar), ofHex(point)))).toBe(result);
  });

  it("comes to the same after 1 and 1,000 rounds (RFC 7748 §5.2)", () => {
    let scalar = ofHex("0900000000000000000000000000000000000000000000000000000000000000");
    let point = scalar;
    for (let round = 1; round <= 1_000; round++) {
      [scalar, point] = [shared(scalar, point), scalar];
      if (round === 1) {
        expect(toHex(scalar)).toBe("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
      }
    }
    expect(toHex(scalar)).toBe("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  });

  it("gives both sides one secret (RFC 7748 §6.1)", () => {
    const alice = agreementPair(ofHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    const bob = agreementPair(ofHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    expect(toHex(alice.publicKey)).toBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    expect(toHex(bob.publicKey)).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    expect(toHex(shared(alice.privateKey, bob.publicKey))).toBe(secret);
    expect(toHex(shared(bob.privateKey, alice.publicKey))).toBe(secret);
    expect(toHex(publicOfAgreement(alice.privateKey))).toBe(toHex(alice.publicKey));
  });
});

describe("Ed25519", () => {
  it.each([
    {
      about: "RFC 8032 §7.1, an empty text",
      seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      text: "",
      signature: `e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
        5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b`,
    },
    {
      about: "RFC 8032 §7.1, one byte",
      seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      text: "72",
      signature: `92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00`,
    },
    {
      about: "RFC 8032 §7.1, two bytes",
      seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      text: "af82",
      signature: `6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
        18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a`,
    },
    {
      about: "RFC 8032 §7.1, SHA-512 of abc",
      seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
      key: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
      text: `ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
        2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f`,
      signature: `dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589
        09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704`,
    },
  ])("signs and verifies: $about", ({ seed, key, text, signature }) => {
    const pair = signingPair(ofHex(seed));
    expect(toHex(pair.publicKey)).toBe(key);
    expect(toHex(publicOfSigning(pair.privateKey))).toBe(key);
    const made = sign(ofHex(text), pair.privateKey);
    expect(toHex(made)).toBe(toHex(ofHex(signature)));
    expect(isSigned(made, ofHex(text), pair.publicKey)).toBe(true);
    expect(isSigned(made, ofHex(`${text}00`), pair.publicKey)).toBe(false);
  });

  it("refuses a signature whose S is not reduced (RFC 8032 §5.1.7): a second one of the same text", () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const pair = signingPair(ofHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
    const signature = sign(new Uint8Array(), pair.privateKey);
    const s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + order;
    const other = Uint8Array.from([...signature.slice(0, 32), ...ofHex(s.toString(16).padStart(64, "0")).reverse()]);
    expect(isSigned(other, new Uint8Array(), pair.publicKey)).toBe(false);
  });
});

describe("HKDF-SHA256, as RFC 5869 has it", () => {
  it.each([
    {
      about: "A.1",
      secret: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      salt: "000102030405060708090a0b0c",
      info: "f0f1f2f3f4f5f6f7f8f9",
      key: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    },
    {
      about: "A.2, longer",
      secret: run(0x00, 0x50),
      salt: run(0x60, 0xb0),
      info: run(0xb0, 0x100),
      key: `b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
        da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87`,
    },
    {
      about: "A.3, without salt and info",
      secret: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      salt: "",
      info: "",
      key: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    },
  ])("derives: $about", async ({ secret, salt, info, key }) => {
    const expected = ofHex(key);
    const derived = await hkdf(ofHex(secret), ofHex(salt), ofHex(info), expected.length);
    expect(toHex(derived)).toBe(toHex(expected));
  });
});

describe("XChaCha20-Poly1305, as draft-irtf-cfrg-xchacha-03 has it", () => {
  const key = ofHex(run(0x80, 0xa0));
  const nonce = ofHex(run(0x40, 0x58));
  const associated = ofHex("50515253c0c1c2c3c4c5c6c7");
  const plain = new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
      "sunscreen would be it.",
  );
  const encrypted = ofHex(
    `bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39
     ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
     21f9664c97637da9768812f615c68b13b52e c0875924c1c7987947deafd8780acf49`,
  );

  it("encrypts and opens (A.3.1)", () => {
    expect(toHex(encrypt(plain, associated, nonce, key))).toBe(toHex(encrypted));
    const parts = { encryptedData: encrypted, nonce, signature: new Uint8Array(64), originalType: "QUERY" };
    expect(toHex(decrypt(parts, associated, key))).toBe(toHex(plain));
  });
});

/** Ascending bytes as hexadecimal digits, `end` not among them. */
function run(begin: number, end: number): string {
  return toHex(Uint8Array.from({ length: end - begin }, (_, index) => begin + index));
}
