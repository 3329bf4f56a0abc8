// Code in colours by highlight.js; loaded only when a code block with a known language is there.
import DOMPurify from 'dompurify'
import hljs from 'highlight.js/lib/common'
import dart from 'highlight.js/lib/languages/dart'
import dockerfile from 'highlight.js/lib/languages/dockerfile'
import elixir from 'highlight.js/lib/languages/elixir'
import haskell from 'highlight.js/lib/languages/haskell'
import http from 'highlight.js/lib/languages/http'
import latex from 'highlight.js/lib/languages/latex'
import nginx from 'highlight.js/lib/languages/nginx'
import powershell from 'highlight.js/lib/languages/powershell'
import protobuf from 'highlight.js/lib/languages/protobuf'
import scala from 'highlight.js/lib/languages/scala'
import type { Highlighter } from './render'

for (const [name, language] of Object.entries({ dart, dockerfile, elixir, haskell, http, latex, nginx, powershell, protobuf, scala })) {
  hljs.registerLanguage(name, language)
}

/** Longer code stays in one colour: it would hold up the page. */
const longestCode = 50_000

export const highlight: Highlighter = (code, language) => {
  if (code.length > longestCode || !hljs.getLanguage(language)) return undefined
  // Its output is escaped text in spans; sanitised all the same, as it is HTML made of what a stranger wrote.
  return DOMPurify.sanitize(hljs.highlight(code, { language, ignoreIllegals: true }).value, {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS: ['span'],
    ALLOWED_ATTR: ['class'],
  })
}
