import { parse as parseTemplate, type TemplateChildNode } from '@vue/compiler-dom'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { parse as parseComponent } from 'vue/compiler-sfc'
import { browserLanguage, problemText, setLanguage, t, type TextKey } from '@/i18n'
import en from '@/i18n/en'
import enLater from '@/i18n/en.later'
import problems from '@/i18n/problems.ru'
import ru from '@/i18n/ru'
import ruLater from '@/i18n/ru.later'

const src = join(import.meta.dirname, '../../src')

function flat(messages: object, prefix = ''): Map<string, string> {
  const all = new Map<string, string>()
  for (const [key, value] of Object.entries(messages) as [string, string | object][]) {
    if (typeof value === 'string') all.set(prefix + key, value)
    else flat(value, `${prefix}${key}.`).forEach((text, inner) => all.set(inner, text))
  }
  return all
}

function files(folder: string, endings: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
}

const english = flat({ ...en, ...enLater })
const russian = flat({ ...ru, ...ruLater })
const placeholders = (text: string) => [...new Set(Array.from(text.matchAll(/\{(\w+)\}/g), (match) => match[1]))].sort()

afterEach(() => setLanguage('en'))

describe('the languages', () => {
  it('have the same texts, none of them empty', () => {
    expect([...russian.keys()].sort()).toEqual([...english.keys()].sort())
    for (const [key, text] of [...english, ...russian]) expect(text.trim(), key).not.toBe('')
  })

  it('ask for the same values in each plural form', () => {
    for (const [key, text] of english) {
      const forms = text.split(' | ')
      const translated = russian.get(key)?.split(' | ') ?? []
      expect(translated.length, key).toBe(forms.length === 1 ? 1 : 3)
      for (const form of [...forms, ...translated]) expect(placeholders(form), key).toEqual(placeholders(forms[0] ?? ''))
    }
  })

  it('are written in their own letters', () => {
    const foreign = new Set(['message.parley', 'settings.sendKey_enter', 'settings.sendKey_mod-enter'])
    for (const [key, text] of english) expect(text, key).not.toMatch(/\p{Script=Cyrillic}/u)
    for (const [key, text] of russian) if (!foreign.has(key)) expect(text, key).toMatch(/\p{Script=Cyrillic}/u)
  })

  it('are all used', () => {
    const code = files(src, ['.vue', '.ts']).filter((file) => !/i18n.(en|ru|problems|later|\.)+\.ts$/.test(file)).map((file) => readFileSync(file, 'utf8')).join('\n')
    // Keys may be put together: `theme.${now}`, `prompts.type_${type}`.
    const begun = Array.from(code.matchAll(/`([a-z]+\.[\w-]*)\$\{/g), (match) => match[1] ?? '')
    const unused = [...english.keys()].filter((key) => !code.includes(`'${key}'`) && !begun.some((prefix) => key.startsWith(prefix)))
    expect(unused).toEqual([])
  })

  it('choose the plural form of Russian', async () => {
    await setLanguage('ru')
    expect([1, 2, 5, 11, 21, 22, 112].map((n) => t('admin.turns', {}, n))).toEqual([
      '1 сообщение', '2 сообщения', '5 сообщений', '11 сообщений', '21 сообщение', '22 сообщения', '112 сообщений',
    ])
    await setLanguage('en')
    expect([0, 1, 2].map((n) => t('admin.turns', {}, n))).toEqual(['0 messages', '1 message', '2 messages'])
  })

  it('can be read by the message compiler, every text', async () => {
    for (const language of ['en', 'ru'] as const) {
      await setLanguage(language)
      for (const key of english.keys()) expect(t(key as TextKey, {}, 2), key).not.toBe(key)
    }
  })

  it('begin with what the browser prefers', () => {
    expect(browserLanguage(['de-DE', 'ru-RU', 'en'])).toBe('ru')
    expect(browserLanguage(['de', 'fr'])).toBe('en')
    expect(browserLanguage(['__proto__', 'toString'])).toBe('en')
  })
})

describe('what the services say', () => {
  const java = ['chat-api', 'gemini-worker', 'pipeline'].flatMap((module) => files(join(src, '../..', module, 'src/main/java'), ['.java']))
  const said = new Set(
    java.flatMap((file) =>
      Array.from(
        readFileSync(file, 'utf8').matchAll(/(?:Failure\.of|Problem\.conflict|Problem\.unavailable|Problem\.of|\bof|new Problem)\(\s*(?:\d{3},\s*)?"((?!x-)[a-z]+(?:-[a-z]+)+)"/g),
        (match) => match[1] ?? '',
      ),
    ),
  )

  it('has Russian words for every problem they know', () => {
    expect(said.size).toBeGreaterThan(25)
    expect([...said].filter((type) => !(type in problems))).toEqual([])
  })

  it('is shown in the language of the page, and as it is where the type is unknown', async () => {
    const known = { type: 'urn:parley:problem:model-overloaded', title: 'The model is overloaded', detail: 'Busy.' }
    const unknown = { type: 'urn:parley:problem:new-one', title: 'New', detail: 'As said.' }
    expect(problemText(known)).toEqual(known)
    await setLanguage('ru')
    await vi.waitFor(() => expect(problemText(known).title).toBe('Модель перегружена'))
    expect(problemText(unknown)).toEqual(unknown)
  })
})

describe('the sources', () => {
  const words = /\p{L}{2,}/u

  function textsOf(nodes: readonly TemplateChildNode[]): string[] {
    return nodes.flatMap((node): string[] => {
      // By the numbers of @vue/compiler-dom's NodeTypes: 1 element, 2 text, 5 interpolation, 6 attribute, 7 directive.
      const type = node.type as number
      if (type === 2 && 'content' in node && typeof node.content === 'string') return words.test(node.content) ? [node.content.trim()] : []
      if (type !== 1 || !('props' in node)) return []
      const attributes = node.props.flatMap((prop) =>
        'value' in prop && ['aria-label', 'aria-description', 'title', 'placeholder', 'label', 'alt'].includes(prop.name) && words.test(prop.value?.content ?? '')
          ? [`${prop.name}="${prop.value?.content ?? ''}"`]
          : [],
      )
      return [...attributes, ...textsOf(node.children)]
    })
  }

  it('have no text of their own in templates', () => {
    const found = files(src, ['.vue']).flatMap((file) => {
      const template = parseComponent(readFileSync(file, 'utf8')).descriptor.template
      return template ? textsOf(parseTemplate(template.content).children).map((text) => `${file.slice(src.length)}: ${text}`) : []
    })
    // The name on the wordmark, and what is written on a key.
    expect(found.filter((text) => !/: (?:Esc|aria-label="Parley")$/.test(text))).toEqual([])
  })

  it('have no sentence of their own in scripts', () => {
    const sentence = /^\p{Lu}\p{Ll}+(?:[ ,]+\p{L}+)+[.…?!]?/u
    const found = files(src, ['.vue', '.ts'])
      .filter((file) => !/[/\\]i18n[/\\]|schema\.ts$/.test(file))
      .flatMap((file) => {
        const text = readFileSync(file, 'utf8')
        const script = file.endsWith('.vue') ? (parseComponent(text).descriptor.scriptSetup?.content ?? '') : text
        const literals: string[] = []
        const visit = (node: ts.Node, thrown: boolean): void => {
          if ((ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) && !thrown && sentence.test(node.text)) literals.push(node.text)
          // What is thrown as an Error is for developers, who read English.
          node.forEachChild((child) => visit(child, thrown || ts.isThrowStatement(node) || (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword)))
        }
        visit(ts.createSourceFile(file, script, ts.ScriptTarget.Latest), false)
        return literals.map((literal) => `${file.slice(src.length)}: ${literal}`)
      })
    expect(found).toEqual([])
  })
})
