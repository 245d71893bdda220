import eslint from "typescript-eslint";

export default eslint.config(
  { ignores: [".dependency-cruiser.cjs", "dist/", "node_modules/", "coverage/", "bench/.build/"] },
  ...eslint.configs.strictTypeChecked,
  ...eslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ["*.js"] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-invalid-void-type": "off",
      "@typescript-eslint/dot-notation": "off",
      "max-lines": ["error", 400],
      "no-restricted-syntax": ["error", "TSEnumDeclaration"],
    },
  },
  {
    files: ["test/**/*.ts", "**/*.test.ts"],
    rules: { "@typescript-eslint/no-empty-function": "off" },
  },
  { files: ["**/*.js", "**/*.mjs"], ...eslint.configs.disableTypeChecked },
);
