import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { WebSocket } from "ws";
import { certificateRemedy } from "../../shared/certificate-remedy.js";
import { openedBytesMax, subprotocol, type Platform } from "../platform.js";

/** Node: the package `ws`, which can say a token in a header, and zlib. */
export const nodePlatform: Platform = {
  algorithms: ["deflate", "gzip", "brotli"],
  open(url, token) {
    const socket = new WebSocket(url, [subprotocol], {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      maxPayload: openedBytesMax,
    });
    return { socket: socket, tokenInHandshake: undefined };
  },
  inflate(algorithm, data, originalSize) {
    if (originalSize > openedBytesMax) throw new Error("a compressed batch claims to be too large");
    const options = { maxOutputLength: originalSize };
    const opened =
      algorithm === "deflate"
        ? inflateSync(data, options)
        : algorithm === "gzip"
          ? gunzipSync(data, options)
          : brotliDecompressSync(data, options);
    if (opened.length !== originalSize) throw new Error("a compressed batch is smaller than it claims");
    return opened;
  },
  remedy: certificateRemedy,
};
