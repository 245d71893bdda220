import { TablesMemory } from "../../src/storage/index.js";
import { tableSuite } from "../kit/table-suite.js";

tableSuite("memory", () => Promise.resolve(new TablesMemory()));
