import { TablesMemory } from "../../src/services/index.js";
import { tableSuite } from "../kit/table-suite.js";

tableSuite("memory", () => Promise.resolve(new TablesMemory()));
