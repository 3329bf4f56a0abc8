// Markdown as DOM nodes that are safe to show: sanitised, links made harmless, images on request, formulas set, code coloured.
import DOMPurify from 'dompurify'
import { t } from '@/i18n'
import { parser } from './parser'

/** Sets one formula into the element. */
export type MathSetter = (tex: string, element: HTMLElement, display: boolean) => void
/** The nodes of code in colours, or undefined for a language it does not know. */
export type Highlighter = (code: string, language: string) => DocumentFragment | undefined

/** What is loaded only when it is needed; without it, formulas show as TeX and code in one colour. */
export interface Extras {
  setMath?: MathSetter | undefined
  highlight?: Highlighter | undefined
}

const allowedSchemes = /^(?:https?|mailto):/i

const sanitizing = {
  RETURN_DOM_FRAGMENT: true,
  ALLOWED_TAGS: [
    'p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 's', 'code', 'pre', 'blockquote', 'ul', 'ol',
    'li', 'a', 'img', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'span', 'div',
  ],
  ALLOWED_ATTR: ['href', 'src', 'alt', 'title', 'start', 'class', 'data-math'],
  ALLOWED_URI_REGEXP: allowedSchemes,
  ALLOW_DATA_ATTR: false,
  // Their values are no addresses, so the rule for addresses must not judge them.
  ADD_URI_SAFE_ATTR: ['data-math', 'start'],
} as const

/** The nodes of a block of Markdown. */
export function renderMarkdown(text: string, { setMath, highlight }: Extras = {}): DocumentFragment {
  const fragment = DOMPurify.sanitize(parser.render(text), {
    ...sanitizing,
    ALLOWED_TAGS: [...sanitizing.ALLOWED_TAGS],
    ALLOWED_ATTR: [...sanitizing.ALLOWED_ATTR],
    ADD_URI_SAFE_ATTR: [...sanitizing.ADD_URI_SAFE_ATTR],
  })
  fragment.querySelectorAll('img').forEach(imageOnRequest)
  fragment.querySelectorAll('a').forEach(harmless)
  fragment.querySelectorAll('pre').forEach((pre) => codeBlock(pre, highlight))
  fragment.querySelectorAll('table').forEach(scrollBox)
  if (setMath) {
    fragment.querySelectorAll<HTMLElement>('[data-math]').forEach((element) => {
      setMath(element.textContent, element, element.dataset.math === 'display')
    })
  }
  return fragment
}

/** Whether the text holds a formula, so that what sets formulas is loaded only for those who need it. */
export function hasMath(text: string): boolean {
  return /\$\$|\\\(|\\\[/.test(text)
}

/** Whether the text holds code in a named language. */
export function hasCode(text: string): boolean {
  return /^ {0,3}(?:[-*+>] |\d+\. )*(?:```|~~~) *\w/m.test(text)
}

/** The source of a block that is a Mermaid diagram and nothing else, once it is closed. */
export function diagramIn(text: string): string | undefined {
  return /^\s*(`{3,}|~{3,}) *mermaid[^\n]*\n([\s\S]*?)\n\1\s*$/.exec(text)?.[2]
}

/** An image from elsewhere would tell its host who reads what, and when: the reader decides. */
function imageOnRequest(image: HTMLImageElement): void {
  const src = image.getAttribute('src') ?? ''
  const words = (image.getAttribute('alt') ?? '') || t('markdown.image')
  if (image.closest('a') || !/^https?:/i.test(src) || !URL.canParse(src)) {
    image.replaceWith(words)
    return
  }
  const offer = document.createElement('span')
  offer.className = 'image-offer'
  offer.dataset.offer = src
  const show = document.createElement('button')
  show.type = 'button'
  show.dataset.showImage = ''
  show.textContent = t('markdown.showImage', { words })
  const link = document.createElement('a')
  link.href = src
  link.textContent = new URL(src).host
  // The page's policy lets no image in over plain http: there is only the link to follow.
  if (/^https:/i.test(src)) offer.append(show)
  else link.textContent = `${words} (${link.textContent})`
  offer.append(link)
  image.replaceWith(offer)
}

/** Shows an offered image, at the reader's request. */
export function showImage(offer: HTMLElement): void {
  const src = offer.dataset.offer
  if (src === undefined) return
  const image = document.createElement('img')
  image.referrerPolicy = 'no-referrer'
  image.alt = offer.querySelector('button')?.textContent ?? ''
  image.src = src
  offer.dataset.opened = src
  offer.replaceChildren(image)
}

function harmless(link: HTMLAnchorElement): void {
  if (!allowedSchemes.test(link.getAttribute('href') ?? '')) {
    link.replaceWith(...link.childNodes)
    return
  }
  link.target = '_blank'
  link.rel = 'noopener noreferrer nofollow'
}

/** Frames a code block with its language and a copy button; the button's clicks are handled by who shows it. */
function codeBlock(pre: HTMLPreElement, highlight: Highlighter | undefined): void {
  const code = pre.querySelector('code')
  const language = /language-([\w+#.-]+)/.exec(code?.className ?? '')?.[1]
  const coloured = language === undefined || !code ? undefined : highlight?.(code.textContent, language.toLowerCase())
  if (coloured) code?.replaceChildren(coloured)
  const box = document.createElement('div')
  box.className = 'code-block'
  const bar = document.createElement('div')
  bar.className = 'code-bar'
  const label = document.createElement('span')
  label.textContent = language ?? t('markdown.text')
  const copy = document.createElement('button')
  copy.type = 'button'
  copy.dataset.copyCode = ''
  copy.textContent = t('common.copy')
  copy.setAttribute('aria-label', t('markdown.copyCode'))
  bar.append(label, copy)
  pre.replaceWith(box)
  pre.tabIndex = 0
  pre.setAttribute('role', 'group')
  pre.setAttribute('aria-label', t('markdown.code', { language: label.textContent }))
  box.append(bar, pre)
}

function scrollBox(table: HTMLTableElement): void {
  const box = document.createElement('div')
  box.className = 'table-box'
  box.tabIndex = 0
  box.setAttribute('role', 'group')
  box.setAttribute('aria-label', t('markdown.table'))
  table.replaceWith(box)
  box.append(table)
}
