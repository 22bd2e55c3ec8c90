import { readdirSync } from 'node:fs'
import tseslint from 'typescript-eslint'
import vue from 'eslint-plugin-vue'
import vueParser from 'vue-eslint-parser'

const modules = readdirSync(new URL('./src/modules', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)

// A module reaches its own files by relative paths, so the alias and a climb into a sibling are both foreign.
const isolateModules = modules.map((name) => ({
  files: [`src/modules/${name}/**/*.{ts,vue}`],
  rules: {
    'no-restricted-imports': ['error', {
      patterns: [
        { group: ['@/modules/**'], message: 'Modules never import each other; use a relative path inside one.' },
        ...(modules.length > 1
          ? [{ regex: `^(\\.\\./)+(${modules.filter((m) => m !== name).join('|')})(/|$)`, message: 'Modules never import each other.' }]
          : []),
      ],
    }],
  },
}))

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'components.d.ts', 'src/api/schema.d.ts', 'e2e/out/**'] },
  ...tseslint.configs.recommended,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: {
      parser: vueParser,
      parserOptions: { parser: tseslint.parser, extraFileExtensions: ['.vue'], sourceType: 'module' },
    },
  },
  {
    files: ['src/**/*.{ts,vue}'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      'no-eval': 'error',
      'no-new-func': 'error',
      'vue/no-bare-strings-in-template': ['error', {
        allowlist: ['·', '/', '—', '–', '→', '+', '-', ':', '(', ')', '×', '…', '%', '#', 'Tenon', '榫', '⌘', 'K', '?', 'Ctrl', '403', '404'],
        attributes: {
          '/.+/': ['title', 'aria-label', 'aria-placeholder', 'placeholder', 'alt', 'label', 'content', 'description'],
        },
      }],
      'vue/multi-word-component-names': 'off',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/attributes-order': 'off',
      'vue/require-default-prop': 'off',
      'vue/first-attribute-linebreak': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/html-indent': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
      'vue/no-v-html': 'error',
      'max-lines': ['error', { max: 250, skipBlankLines: false, skipComments: false }],
    },
  },
  {
    files: ['src/locales/**/*.ts', 'src/**/*.test.ts', 'src/api/types.ts'],
    rules: { 'max-lines': 'off' },
  },
  {
    files: ['src/resource/**/*.{ts,vue}', 'src/ui/**/*.{ts,vue}', 'src/api/**/*.ts', 'src/stores/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', {
        patterns: [{ group: ['@/modules/**', '**/modules/**'], message: 'This layer never imports a module.' }],
      }],
    },
  },
  ...isolateModules,
)
